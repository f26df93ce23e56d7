"""What one supervised process is: a row of the topology."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from platform_cli.child import Command


class Stage(IntEnum):
    """Stages end in reverse: the gateway first, what others stand on last."""

    PORT_MAPPER = 0
    STORE = 1
    MIGRATION = 2
    SERVICE = 3
    EDGE = 4


def nothing() -> None:
    """Do nothing: most processes need no preparation."""


@dataclass(frozen=True, kw_only=True)
class Process:
    """A program, what must be ready before it starts, and how to tell that it is ready itself.

    command: called at each start. after: names of processes that must be ready, or done.
    once: it is expected to end with 0 and is never started again.
    hint: what to do when it does not come up.
    prepare: called before each start. when_ready: called when it first answers, before others
    that wait for it start. All callables but `ready` run in the main thread.
    """

    name: str
    stage: Stage
    command: Callable[[], Command]
    ready: Callable[[], bool] = lambda: True
    after: tuple[str, ...] = ()
    once: bool = False
    port: int | None = None
    hint: str = ""
    prepare: Callable[[], None] = nothing
    when_ready: Callable[[], None] = nothing
