"""Alembic's environment; the chassis runs it."""

from chassis.migrations import run

run()
