"""Use cases of the catalogue and its stock; each takes the session of whoever commits."""
