"""The loop that starts, watches, restarts and stops all processes, in one thread.

One thread, because the kernel ties a child's life to the thread that started it.
"""

import os
import select
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType
from typing import Any

from platform_cli.errors import PlatformError
from platform_cli.supervisor.probes import Probes
from platform_cli.supervisor.process import Process, Stage
from platform_cli.supervisor.supervised import ALIVE, Phase, Supervised

# A process that ends this often before the platform was ready once will not come up by itself.
ATTEMPTS = 4
UNREADY_LIMIT = 120.0
PROBE_EVERY = {Phase.STARTING: 0.1, Phase.READY: 5.0}

Handlers = dict[int, Callable[[int, FrameType | None], Any] | int | None]


class Supervisor:
    """Runs a topology until it is told to stop.

    watch: called after each round, for display and state file.
    restarts, stops: return the names whose restart or end was asked for since the last call.
    until: ends the run when it is true of this supervisor, such as when all migrations are done.
    """

    def __init__(
        self,
        topology: Iterable[Process],
        log: Callable[[str], Path],
        *,
        watch: Callable[["Supervisor"], None] = lambda _: None,
        restarts: Callable[[], list[str]] = list,
        stops: Callable[[], list[str]] = list,
        until: Callable[["Supervisor"], bool] = lambda _: False,
    ) -> None:
        self.children = {one.name: Supervised(one, log(one.name)) for one in topology}
        self.phase = "starting"
        self.error = ""
        self._watch, self._until = watch, until
        self._restarts, self._stops = restarts, stops
        self._probes = Probes()
        self._probed: dict[str, float] = {}
        self._stop_asked = self._hurry = False
        self._began = time.monotonic()
        self._wake, self._waker = os.pipe()

    def run(self) -> None:
        """Run until a stop is asked for by SIGINT, SIGTERM or `until`, and everything has ended.

        Raises PlatformError when something does not come up; everything is stopped then, too.
        """
        previous = self._listen()
        try:
            while not self._finished():
                self._round()
                self._watch(self)
                self._wait()
        finally:
            self._probes.close()
            signal.set_wakeup_fd(-1)
            for number, handler in previous.items():
                signal.signal(number, handler)
            os.close(self._wake)
            os.close(self._waker)
        if self.error:
            raise PlatformError(self.error)

    def stop(self) -> None:
        """Ask for the end, as a signal does."""
        self._stop_asked = True

    def _round(self) -> None:
        for one in self.children.values():
            one.observe()
        if not self._stop_asked:
            self._advance()
        if self._stop_asked:
            self.phase = "failed" if self.error else "stopping"
            self._stop_next_stage()

    def _advance(self) -> None:
        for name in self._restarts():
            if name in self.children:
                self.children[name].ask_to_stop(again=True)
                self.children[name].restarts += 1
        for name in self._stops():
            if name in self.children:
                self.children[name].ask_to_stop()
        for one in self.children.values():
            try:
                if one.phase is Phase.WAITING and self._settled(one.process.after):
                    one.start()
                self._probe(one)
            except PlatformError as error:
                one.error = str(error)
                if self.phase == "starting":
                    self._fail(one.error)
        if self.phase == "starting":
            self._check_start()
        if self._until(self):
            self.stop()

    def _settled(self, names: tuple[str, ...]) -> bool:
        return all(self.children[name].settled for name in names if name in self.children)

    def _probe(self, one: Supervised) -> None:
        if one.process.once or one.pid is None or one.phase is Phase.STOPPING:
            return
        name, now = one.process.name, time.monotonic()
        answer = self._probes.answer(name, one.pid)
        if answer is not None:
            one.mark_ready(answer)
        if now >= self._probed.get(name, 0.0) + PROBE_EVERY.get(one.phase, 0.5):
            self._probed[name] = now
            self._probes.ask(name, one.pid, one.process.ready)

    def _check_start(self) -> None:
        late = [name for name, one in self.children.items() if not one.settled]
        if not late:
            self.phase = "ready"
        for name in late:
            one = self.children[name]
            if one.failures >= ATTEMPTS:
                hint = f"; {one.process.hint}" if one.process.hint else ""
                self._fail(f"{name} does not start, it {one.error} (log: {one.log}){hint}")
        if late and time.monotonic() - self._began > UNREADY_LIMIT:
            self._fail(f"not ready after {UNREADY_LIMIT:.0f} s: {', '.join(late)}")

    def _fail(self, reason: str) -> None:
        self.error = self.error or reason
        self.stop()

    def _stop_next_stage(self) -> None:
        running = [one for one in self.children.values() if one.phase in ALIVE]
        last = max((one.process.stage for one in running), default=None)
        for one in self.children.values():
            on_turn = one.process.stage == last and one.phase is not Phase.STOPPING
            if on_turn or one.phase not in ALIVE:
                one.ask_to_stop()
            elif self._hurry and one.phase is Phase.STOPPING and one.process.stage > Stage.STORE:
                one.kill()

    def _finished(self) -> bool:
        return self._stop_asked and not any(one.phase in ALIVE for one in self.children.values())

    def _listen(self) -> Handlers:
        os.set_blocking(self._waker, False)
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        # SIGHUP too: closing the terminal must end the platform in an orderly way.
        ending = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        handlers: Handlers = {number: signal.signal(number, self._on_end) for number in ending}
        handlers[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        return handlers

    def _on_end(self, number: int, _: FrameType | None) -> None:
        # Somebody who presses Ctrl-C again does not want to wait; nothing is lost by a kill.
        self._hurry = self._stop_asked and number == signal.SIGINT
        self.stop()

    def _wait(self) -> None:
        """Sleep until a signal comes (an ended child, a stop) or the next round is due."""
        busy = any(one.phase is Phase.STARTING for one in self.children.values())
        if select.select([self._wake], [], [], 0.05 if busy else 0.25)[0]:
            os.read(self._wake, 4096)
