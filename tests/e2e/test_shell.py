"""`./platform shell` at a terminal, in whole platforms on both brokers."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest

PROMPT = ">>> "
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x07|\r")


class Terminal:
    """A process at a terminal of its own: what it shows, and what a person types."""

    def __init__(self, process: subprocess.Popen[bytes], descriptor: int) -> None:
        self._process, self._descriptor = process, descriptor
        self._unread = ""

    def type(self, keys: str) -> None:
        os.write(self._descriptor, keys.encode())

    def interrupt(self) -> None:
        """Type Ctrl-C."""
        self.type("\x03")

    def until(self, text: str, timeout: float = 30) -> str:
        """Return what was shown from the last call on, up to and with `text`."""
        deadline = time.monotonic() + timeout
        while text not in self._unread:
            left = deadline - time.monotonic()
            ready = left > 0 and select.select([self._descriptor], [], [], left)[0]
            assert ready, f"{text!r} was not shown, but {self._unread!r}"
            shown = os.read(self._descriptor, 65536).decode(errors="replace")
            self._unread += ESCAPE.sub("", shown)
        before, _, self._unread = self._unread.partition(text)
        return before + text

    def ask(self, line: str) -> str:
        """Type a line, and return what is shown until the next prompt."""
        self.type(f"{line}\n")
        self.until(line)
        return self.until(PROMPT).removesuffix(PROMPT).strip()


@contextmanager
def shell(platform: Any) -> Iterator[Terminal]:
    ours, theirs = pty.openpty()
    # Wide enough that no line scrolls.
    termios.tcsetwinsize(theirs, (40, 400))
    # `setsid --ctty` makes the terminal its own, so that Ctrl-C reaches it as a signal.
    command = [sys.executable, "-m", "platform_cli", "shell", "--var", str(platform.var)]
    process = subprocess.Popen(
        ["setsid", "--ctty", "--wait", *command],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "dumb"},
    )
    os.close(theirs)
    terminal = Terminal(process, ours)
    try:
        terminal.until(PROMPT)
        yield terminal
        terminal.type("exit()\n")
        assert process.wait(20) == 0
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.wait()
        os.close(ours)


@pytest.fixture(scope="module")
def at_shell(platform: Any) -> Iterator[Terminal]:
    """A shell in the platform with the example; for all tests of this file."""
    with shell(platform) as terminal:
        yield terminal


def register(platform: Any) -> str:
    """Let something happen: return the address of a new customer."""
    email = f"{uuid4().hex}@example.com"
    body = {"email": email, "password": "correct horse battery", "name": "Mei"}
    platform.client.call("POST", "/api/users/register", json=body)
    return email


def see_an_event(terminal: Terminal, platform: Any) -> None:
    """Watch registrations, have one, see it in one line, and come back to the prompt."""
    terminal.type("events user.* payment.*\n")
    terminal.until("Ctrl-C ends")
    email = register(platform)
    line = terminal.until(email).splitlines()[-1]
    assert re.match(r'\d\d:\d\d:\d\d\.\d+ user\.registered\.v1 [0-9a-f-]{36} \{.*"email":', line)
    terminal.interrupt()
    terminal.until(PROMPT)
    assert terminal.ask("1 + 1") == "2"


def test_tab_completes_what_workers_offer(at_shell: Terminal) -> None:
    at_shell.type("rpc.comp\t")
    at_shell.until("rpc.compute")
    at_shell.type(".a\t")
    at_shell.until(".add(")
    at_shell.type("2, 3)\n")
    assert at_shell.until(PROMPT).splitlines()[-2] == "5"


def test_call_shows_its_result_or_one_line_of_its_error(at_shell: Terminal) -> None:
    assert at_shell.ask("rpc.compute.calculate('div', 7, 2)") == "'3.5'"
    assert at_shell.ask("rpc.compute.calculate('div', 7, 0)") == (
        "Unprocessable 422 compute.division_by_zero: Nothing can be divided by zero"
    )
    assert at_shell.ask("rpc.nobody.add(1)").startswith("UnknownService 502 rpc.unknown_service")
    assert at_shell.ask("rpc.compute.add").startswith("compute.add(value: int, other: int) -> int")
    assert at_shell.ask("remote('compute.add', timeout=1)(2, 3)") == "5"


def test_models_and_clients_are_at_hand(at_shell: Terminal, platform: Any) -> None:
    email = register(platform)
    at_shell.ask(f"found = select(models.users.User).where(models.users.User.email == '{email}')")
    at_shell.type("with users.transaction() as s: print(s.scalars(found).one().name)\n\n")
    assert "Mei" in at_shell.until(f"Mei\n{PROMPT}")
    at_shell.ask("login()")
    assert at_shell.ask("clients.orders.get('/api/orders').status_code") == "200"


def test_events_pass_in_one_line_each(at_shell: Terminal, platform: Any) -> None:
    see_an_event(at_shell, platform)


def test_events_end_by_themselves_where_that_is_asked(at_shell: Terminal) -> None:
    assert "watching 1 types" in at_shell.ask("events('order.placed.*', timeout=0.1)")
    assert "no service consumes events named nothing.*" in at_shell.ask("events nothing.*")


def test_events_pass_on_rabbitmq_too(rabbitmq_platform: Any) -> None:
    with shell(rabbitmq_platform) as terminal:
        see_an_event(terminal, rabbitmq_platform)


@pytest.mark.parametrize(
    ("code", "status", "shown"),
    [
        ("x = 2; rpc.compute.add(x, 3)", 0, "5\n"),
        ("rpc.compute.nothing()", 1, "UnknownTask 502 rpc.unknown_task"),
    ],
)
def test_code_can_be_given(platform: Any, code: str, status: int, shown: str) -> None:
    done = platform.try_command("shell", "-c", code)
    assert (done.returncode, shown in done.stdout + done.stderr) == (status, True)
