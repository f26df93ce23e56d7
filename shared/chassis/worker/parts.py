"""The worker's parts: threads, and how one knows that they make progress."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

logger = logging.getLogger(__name__)


class Part:
    """Something that works until it is told to stop, and calls `beat` on the way.

    run: called with the stop event and `beat`; None where the main thread is the part.
    patience: seconds without progress after which it is taken for dead.
    """

    def __init__(
        self,
        name: str,
        run: Callable[[threading.Event, Callable[[], None]], None] | None,
        stop: threading.Event,
        patience: float = 60.0,
    ) -> None:
        self.name, self._run, self._stop, self._patience = name, run, stop, patience
        self._last = time.monotonic()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread."""
        self.beat()
        if self._run is not None:
            self._thread = threading.Thread(target=self._main, name=self.name, daemon=True)
            self._thread.start()

    def beat(self) -> None:
        """Note that there is progress."""
        self._last = time.monotonic()

    @property
    def silence(self) -> float:
        """Seconds since the last sign of progress."""
        return time.monotonic() - self._last

    @property
    def trouble(self) -> str:
        """What is wrong with the part; empty when nothing is."""
        if self._thread is not None and not self._thread.is_alive():
            return "ended"
        return "stalled" if self.silence > self._patience else ""

    def join(self, timeout: float) -> bool:
        """Wait until the thread has ended; return whether it has."""
        if self._thread is not None:
            self._thread.join(max(0.0, timeout))
            return not self._thread.is_alive()
        return True

    def status(self) -> dict[str, Any]:
        """Return what the health endpoint tells."""
        trouble = self.trouble
        found = {"ok": not trouble, "seconds_since_progress": round(self.silence, 1)}
        return {**found, "reason": trouble} if trouble else found

    def _main(self) -> None:
        assert self._run is not None
        try:
            self._run(self._stop, self.beat)
        # The outermost loop of the thread: what comes here ends the process by `watch`.
        except Exception:
            logger.exception("part of the worker failed", extra={"part": self.name})
