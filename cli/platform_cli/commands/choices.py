"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from platform_cli.errors import PlatformError
from platform_cli.folders import DEFAULT_VAR
from platform_cli.supervisor.state import State, StateFolder

var_option: Callable[[Any], Any] = click.option(
    "--var",
    type=click.Path(file_okay=False, path_type=Path, resolve_path=True),
    default=DEFAULT_VAR,
    help="Folder of data, logs and secrets; default PLATFORM_VAR, else var beside the code.",
)


def running_state(var: Path) -> State:
    """Return the state of the platform of this folder; raises PlatformError if none runs."""
    states = StateFolder(var / "run")
    state = states.read()
    if states.alive() is None or state is None:
        raise PlatformError("the platform is not running; start it with ./platform up")
    return state


def matching(name: str, names: list[str]) -> list[str]:
    """Return the processes that a person means by "orders", "orders-web" or "gateway"."""
    found = [one for one in names if one == name or one.startswith(f"{name}-")]
    if not found:
        raise PlatformError(f"no process {name}; there are {', '.join(names)}")
    return found
