import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from platform_cli.child import Command
from platform_cli.errors import PlatformError
from platform_cli.ports import free_port
from platform_cli.supervisor.loop import Supervisor
from platform_cli.supervisor.probes import answers_http
from platform_cli.supervisor.process import Process, Stage
from platform_cli.supervisor.supervised import Phase, back_off

SERVER = """
import http.server, signal, sys
name, port, journal = sys.argv[1], int(sys.argv[2]), sys.argv[3]

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass

def note(event):
    with open(journal, "a") as file:
        file.write(f"{event} {name}\\n")

def end(*_):
    note("stop")
    sys.exit(0)

server = http.server.HTTPServer(("127.0.0.1", port), Handler)
signal.signal(signal.SIGTERM, end)
note("start")
server.serve_forever()
"""

Watch = Callable[[Supervisor], None]


class Fake:
    """A topology of small HTTP servers that write their starts and stops into one journal."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.journal = folder, folder / "journal"
        self.journal.touch()

    def server(self, name: str, stage: Stage, *after: str) -> Process:
        port = free_port()
        argv = (sys.executable, "-c", SERVER, name, str(port), str(self.journal))
        return Process(
            name=name,
            stage=stage,
            command=lambda: Command(argv=argv),
            ready=answers_http(port, "/"),
            after=after,
            port=port,
        )

    def program(self, name: str, stage: Stage, script: str, *after: str) -> Process:
        argv = (sys.executable, "-c", script)
        return Process(
            name=name, stage=stage, command=lambda: Command(argv=argv), after=after, once=True
        )

    def events(self) -> list[str]:
        return self.journal.read_text().splitlines()

    def run(self, *rows: Process, watch: Watch, restarts: Callable[[], list[str]] = list) -> None:
        deadline = time.monotonic() + 60

        def bounded(supervisor: Supervisor) -> None:
            if time.monotonic() > deadline:
                raise TimeoutError("the supervisor did not come to an end")
            watch(supervisor)

        Supervisor(
            rows, lambda name: self.folder / f"{name}.log", watch=bounded, restarts=restarts
        ).run()


@pytest.fixture
def fake(folder: Path) -> Fake:
    return Fake(folder)


def stop_when_ready(supervisor: Supervisor) -> None:
    if supervisor.phase == "ready":
        supervisor.stop()


def test_processes_start_after_what_they_need_and_stop_in_reverse(fake: Fake) -> None:
    job = fake.program(
        "job", Stage.MIGRATION, f"open({str(fake.journal)!r}, 'a').write('done job\\n')", "store"
    )
    fake.run(
        fake.server("edge", Stage.EDGE, "service"),
        fake.server("service", Stage.SERVICE, "job"),
        job,
        fake.server("store", Stage.STORE),
        watch=stop_when_ready,
    )
    assert fake.events() == [
        "start store",
        "done job",
        "start service",
        "start edge",
        "stop edge",
        "stop service",
        "stop store",
    ]


def test_a_child_that_died_is_started_again(fake: Fake) -> None:
    killed: list[int] = []

    def watch(supervisor: Supervisor) -> None:
        child = supervisor.children["service"]
        if child.phase is Phase.READY and child.pid:
            if not killed:
                killed.append(child.pid)
                os.kill(child.pid, signal.SIGKILL)
            elif child.pid not in killed:
                assert child.restarts == 1
                supervisor.stop()

    fake.run(fake.server("service", Stage.SERVICE), watch=watch)
    assert fake.events() == ["start service", "start service", "stop service"]


def test_the_pauses_between_restarts_grow_to_fifteen_seconds() -> None:
    assert [back_off(failures) for failures in range(1, 8)] == [0.5, 1, 2, 4, 8, 15, 15]


def test_a_process_that_never_comes_up_ends_the_start_with_its_last_line(fake: Fake) -> None:
    broken = fake.program("broken", Stage.SERVICE, "print('why'); raise SystemExit(3)", "store")
    with pytest.raises(PlatformError, match=r"^broken does not start, it ended with 3: why \(log:"):
        fake.run(fake.server("store", Stage.STORE), broken, watch=lambda _: None)
    assert fake.events() == ["start store", "stop store"]


def test_a_restart_by_request_is_graceful_and_leaves_others_alone(fake: Fake) -> None:
    asked: list[str] = []
    pids: dict[str, int] = {}

    def watch(supervisor: Supervisor) -> None:
        if supervisor.phase != "ready" or not all(
            one.settled for one in supervisor.children.values()
        ):
            return
        now = {name: one.pid or 0 for name, one in supervisor.children.items()}
        if not pids:
            pids.update(now)
            asked.append("service")
        elif now["service"] != pids["service"]:
            assert now["store"] == pids["store"]
            supervisor.stop()

    def take() -> list[str]:
        taken, asked[:] = list(asked), []
        return taken

    rows = (fake.server("store", Stage.STORE), fake.server("service", Stage.SERVICE, "store"))
    fake.run(*rows, watch=watch, restarts=take)
    assert fake.events() == [
        "start store",
        "start service",
        "stop service",
        "start service",
        "stop service",
        "stop store",
    ]


def test_a_process_that_ignores_its_signal_is_killed_after_its_time(fake: Fake) -> None:
    port = free_port()
    script = SERVER.replace("signal.signal(signal.SIGTERM, end)", "signal.signal(15, lambda *_: 0)")
    argv = (sys.executable, "-c", script, "deaf", str(port), str(fake.journal))
    deaf = Process(
        name="deaf",
        stage=Stage.SERVICE,
        command=lambda: Command(argv=argv, stop_timeout=0.3),
        ready=answers_http(port, "/"),
    )
    fake.run(deaf, watch=stop_when_ready)
    assert fake.events() == ["start deaf"]


def test_a_second_ctrl_c_does_not_wait(fake: Fake) -> None:
    script = "import signal, time; signal.signal(15, lambda *_: 0); print('up', flush=True)\n"
    argv = (sys.executable, "-c", script + "while True: signal.pause()")
    log = fake.folder / "deaf.log"
    deaf = Process(
        name="deaf",
        stage=Stage.SERVICE,
        command=lambda: Command(argv=argv),
        ready=lambda: log.read_text() == "up\n",
    )

    def watch(supervisor: Supervisor) -> None:
        if supervisor.phase in ("ready", "stopping"):
            os.kill(os.getpid(), signal.SIGINT)

    began = time.monotonic()
    fake.run(deaf, watch=watch)
    assert time.monotonic() - began < 10


GRANDPARENT = """
import sys, pathlib
from platform_cli.child import Command
from platform_cli.supervisor.loop import Supervisor
from platform_cli.supervisor.process import Process, Stage

folder = pathlib.Path(sys.argv[1])
rows = [
    Process(name=name, stage=Stage.SERVICE, command=lambda: Command(argv=("sleep", "300")))
    for name in ("one", "two", "three")
]
told = []

def watch(supervisor):
    if supervisor.phase == "ready" and not told:
        told.append(1)
        print(*(one.pid for one in supervisor.children.values()), flush=True)

Supervisor(rows, lambda name: folder / name, watch=watch).run()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_nothing_is_left_after_kill_9_of_the_supervisor(folder: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", GRANDPARENT, str(folder)], stdout=subprocess.PIPE, text=True
    ) as supervisor:
        assert supervisor.stdout is not None
        pids = [int(text) for text in supervisor.stdout.readline().split()]
        children = [psutil.Process(pid) for pid in pids]
        assert len(children) == 3
        supervisor.kill()
    assert psutil.wait_procs(children, timeout=10)[1] == []
