"""`events`: the bus, as it passes."""

import time
from collections.abc import Iterable
from contextlib import closing
from fnmatch import fnmatchcase
from importlib import import_module
from importlib.util import find_spec

import click
import orjson

from chassis.messaging.bus import BusUnavailable
from chassis.messaging.event import Event
from chassis.messaging.tail import tail_events


def consumed_types(packages: Iterable[str]) -> tuple[str, ...]:
    """Return the types that some service consumes; others are not on the bus."""
    modules = (f"{package}.events" for package in packages)
    found = (import_module(name).CONSUMES for name in modules if find_spec(name))
    return tuple(sorted({type for consumed in found for type in consumed}))


class Events:
    """Shows one line an event until Ctrl-C: `events`, `events order.* payment.*`."""

    def __init__(self, broker_url: str, packages: Iterable[str]) -> None:
        self._broker_url, self._packages = broker_url, tuple(packages)

    def __call__(self, *patterns: str, limit: int = 0, timeout: float = 0) -> None:
        """Show events whose type matches one of the patterns, all without any.

        limit: how many, 0 for all. timeout: seconds, 0 for ever.
        """
        wanted = [
            type
            for type in consumed_types(self._packages)
            if not patterns or any(fnmatchcase(type, pattern) for pattern in patterns)
        ]
        if not wanted:
            click.echo(f"no service consumes events named {' '.join(patterns)}", err=True)
            return
        try:
            self._show(wanted, limit, time.monotonic() + timeout if timeout else None)
        except KeyboardInterrupt:
            click.echo()
        except BusUnavailable as error:
            click.echo(f"the broker cannot be reached: {error}", err=True)

    def _show(self, types: list[str], limit: int, end: float | None) -> None:
        shown, watching = 0, False
        with closing(tail_events(self._broker_url, types)) as tail:
            for event in tail:
                if event is not None:
                    click.echo(line_of(event))
                    shown += 1
                elif not watching:
                    watching = True
                    click.echo(f"watching {len(types)} types; Ctrl-C ends", err=True)
                if (limit and shown >= limit) or (end and time.monotonic() >= end):
                    return

    def __repr__(self) -> str:
        return "<events: events, or events order.* payment.*; Ctrl-C ends>"


def line_of(event: Event) -> str:
    """Return time, type, subject and data of an event."""
    data = orjson.dumps(event.data).decode()
    return f"{event.time:%H:%M:%S.%f} {event.type} {event.subject} {data}"
