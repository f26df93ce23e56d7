"""Starts the platform in this process, or a daemon that does so, and shows how it comes up."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from platform_cli import credentials
from platform_cli.errors import PlatformError
from platform_cli.ports import holder, is_free
from platform_cli.stores.launch import last_line
from platform_cli.supervisor import leftovers, topology
from platform_cli.supervisor.loop import Supervisor
from platform_cli.supervisor.options import Options
from platform_cli.supervisor.process import Process
from platform_cli.supervisor.state import ProcessState, State, StateFolder, already_running
from platform_cli.supervisor.stores import build_stores
from platform_cli.supervisor.supervised import Supervised
from platform_cli.supervisor.topology import Topology

Watch = Callable[[State], None]
LOG_LIMIT = 20 * 2**20


def plan(options: Options, *, running: bool = False) -> Topology:
    """Return the topology of the options; `running`: of the platform that runs with them."""
    added = [one.name for one in options.added]
    secrets = credentials.load_or_create(options.folders.secrets, added)
    environment = options.environment()
    stores = build_stores(options, secrets, environment, running=running)
    packages = topology.packages_of(options)
    return topology.build(options, stores, secrets, environment, packages)


def run(options: Options, watch: Watch, *, only_migrate: bool = False) -> None:
    """Run the platform until it is stopped; raises PlatformError if it does not come up."""
    folders = options.folders
    folders.make()
    states = StateFolder(folders.run)
    with states.held():
        leftovers.clear(states.read())
        states.take_restarts()
        states.take_stops()
        built = plan(options)
        rows = built.until_migrated() if only_migrate else built.processes
        check_ports({row.name: row.port for row in rows if row.port})
        for row in rows:
            rotate(folders.log(row.name))
        supervise(rows, options, states, watch, stop_when_ready=only_migrate)


def supervise(
    rows: Iterable[Process],
    options: Options,
    states: StateFolder,
    watch: Watch,
    *,
    stop_when_ready: bool = False,
) -> None:
    """Run rows of a topology, keeping the state file and the watcher up to date."""
    last: list[State] = []

    def tell(supervisor: Supervisor) -> None:
        state = snapshot(supervisor, options)
        if [state] != last:
            # A full disk must not take down what runs; the state is written when there is room.
            with suppress(OSError):
                states.write(state)
                last[:] = [state]
        # A terminal that was closed must not keep the processes from an orderly end.
        with suppress(OSError):
            watch(state)

    supervisor = Supervisor(
        rows,
        options.folders.log,
        watch=tell,
        restarts=states.take_restarts,
        stops=states.take_stops,
        until=lambda one: stop_when_ready and one.phase == "ready",
    )
    try:
        supervisor.run()
    finally:
        tell(supervisor)


def snapshot(supervisor: Supervisor, options: Options) -> State:
    """Return what others may know of a supervisor."""
    return State(
        pid=os.getpid(),
        phase=supervisor.phase,
        gateway=options.gateway,
        options=options.as_json(),
        error=supervisor.error,
        processes=tuple(_row(one) for one in supervisor.children.values()),
    )


def _row(one: Supervised) -> ProcessState:
    return ProcessState(
        name=one.process.name,
        phase=one.phase,
        pid=one.pid,
        port=one.process.port,
        started_at=one.started_at if one.pid else 0.0,
        restarts=one.restarts,
        error=one.error,
    )


def check_ports(ports: dict[str, int]) -> None:
    """Raise PlatformError naming the first taken port and, if it can be seen, who has it."""
    for name, port in ports.items():
        if not is_free(port):
            raise PlatformError(
                f"port {port} (for {name}) is taken{holder(port)}; free it or choose with --port"
            )


def rotate(log: Path) -> None:
    """Put a large log of earlier runs aside, so that logs do not grow without end."""
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))


def detach(options: Options, watch: Watch) -> None:
    """Start a daemon that runs the platform; return when it is ready, raise if it is not."""
    folders = options.folders
    folders.make()
    states = StateFolder(folders.run)
    if pid := states.alive():
        raise already_running(pid)
    before = states.read()
    log = folders.log("supervisor")
    with log.open("ab") as output:
        daemon = subprocess.Popen(
            [sys.executable, "-P", "-m", "platform_cli.supervisor", json.dumps(options.as_json())],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _await_ready(daemon, states, before, watch, log)
    except KeyboardInterrupt:
        daemon.terminate()
        daemon.wait()
        raise


def _await_ready(
    daemon: subprocess.Popen[bytes],
    states: StateFolder,
    before: State | None,
    watch: Watch,
    log: Path,
) -> None:
    while True:
        ended = daemon.poll() is not None
        state = states.read()
        if state and state != before and state.pid == daemon.pid:
            watch(state)
            if state.phase == "ready":
                daemon.returncode = 0  # It stays; nobody will wait for it.
                return
        if ended:
            reason = state.error if state and state.pid == daemon.pid else ""
            raise PlatformError(reason or last_line(log).removeprefix("platform: "))
        time.sleep(0.05)
