"""`shell`: a Python prompt inside the running platform."""
