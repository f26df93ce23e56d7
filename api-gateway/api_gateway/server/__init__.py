"""How gunicorn runs the gateway: its settings, its worker, and what it hands to the application."""
