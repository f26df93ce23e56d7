"""Runs the processes of the platform: order, readiness, restart, stop."""
