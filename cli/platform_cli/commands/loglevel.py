"""`loglevel`: from which level on a running service logs."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from platform_cli.commands.choices import running_state, var_option
from platform_cli.errors import PlatformError
from platform_cli.supervisor.state import ProcessState, State

GATEWAY = "gateway"
_WEB = "-web"


@click.command()
@click.argument("service", required=False)
@click.argument("level", required=False)
@var_option
def command(service: str | None, level: str | None, var: Path) -> None:
    """Show or change the level of the logs.

    SERVICE is "orders" or "gateway": all its processes take LEVEL (DEBUG, INFO, WARNING, ERROR,
    CRITICAL) within a second, and keep it until LEVEL is "default".
    """
    import redis

    from chassis import log_level

    state = running_state(var)
    names = services_of(state)
    if service is not None and service not in names:
        raise PlatformError(f"no service {service}; there are {', '.join(names)}")
    environments = environments_of(state, names)
    url = next((env["REDIS_URL"] for env in environments.values() if "REDIS_URL" in env), None)
    if url is None:
        raise PlatformError("no service runs that could be asked: ./platform status")
    try:
        with closing(log_level.connect(url)) as client:
            if service is not None and level is not None:
                log_level.set_level(client, service, level)
            shown = names if service is None else [service]
            width = max(map(len, shown))
            for name, chosen in log_level.read_levels(client, shown).items():
                click.echo(f"{name.ljust(width)}  {told(chosen, environments[name])}")
    except log_level.BadLevel as error:
        raise PlatformError(str(error)) from error
    except redis.RedisError as error:
        raise PlatformError(f"Redis does not answer ({type(error).__name__})") from error


def services_of(state: State) -> list[str]:
    """Return the services of this platform and the gateway, added ones included."""
    rows = [row.name for row in state.processes]
    return [
        *(name.removesuffix(_WEB) for name in rows if name.endswith(_WEB)),
        *(name for name in rows if name == GATEWAY),
    ]


def environments_of(state: State, names: list[str]) -> dict[str, Mapping[str, str]]:
    """Return the environment of one running process of each service, empty where none runs."""
    found: dict[str, Mapping[str, str]] = {}
    for name in names:
        rows = [row for row in state.processes if is_of(row, name) and row.pid]
        found[name] = environment_of(rows[0].pid) if rows and rows[0].pid else {}
    return found


def is_of(row: ProcessState, service: str) -> bool:
    """Tell whether a process is a web or worker process of the service, or the gateway."""
    return row.name == service or row.name.startswith((f"{service}{_WEB}", f"{service}-worker"))


def environment_of(pid: int) -> Mapping[str, str]:
    """Return the environment that a process was started with, empty when it has just ended."""
    import psutil

    try:
        environment: dict[str, Any] = psutil.Process(pid).environ()
    except psutil.Error:
        return {}
    return environment


def told(chosen: str, environment: Mapping[str, str]) -> str:
    """Return what to say of a service's level."""
    if chosen != "default":
        return chosen
    return f"default ({environment.get('LOG_LEVEL') or 'INFO'})"
