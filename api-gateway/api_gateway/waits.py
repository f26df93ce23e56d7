"""The waits at one socket: what comes in is listened for from one wait to the next."""

from typing import Any

from gevent import get_hub, getcurrent

# What a wait ends with; also libev's numbers for them.
READ, WRITE = 1, 2


class Waits:
    """Belongs to one greenlet at a time, which waits in the loop of the thread that made it.

    A watcher that was started and stopped for each wait would cost a call into the kernel each
    time, and gevent's own wait an object more.
    """

    __slots__ = ("_fileno", "_hub", "_listening", "_reader", "_waiter", "_writer")

    def __init__(self, fileno: int) -> None:
        self._fileno = fileno
        self._hub = get_hub()
        self._reader: Any = self._hub.loop.io(fileno, READ)
        self._listening = False
        self._writer: Any = None
        self._waiter: Any = None

    def _listen(self) -> None:
        if not self._listening:
            self._listening = True
            self._reader.start(self._on_readable)

    def _wait(self) -> int:
        """Return what happened; the caller has started the watcher that tells."""
        self._waiter = getcurrent()
        try:
            while True:
                # Nothing else should switch here; if it does, that is no event.
                happened = self._hub.switch()
                if happened is READ or happened is WRITE:
                    return int(happened)
        finally:
            self._waiter = None

    def _wait_to_write(self) -> int:
        if self._writer is None:
            self._writer = self._hub.loop.io(self._fileno, WRITE)
        self._writer.start(self._on_writable)
        try:
            return self._wait()
        finally:
            self._writer.stop()

    def _on_readable(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.switch(READ)
            return
        # Nobody reads now: the event would come again and again.
        self._reader.stop()
        self._listening = False
        self._unheard()

    def _unheard(self) -> None:
        """Take notice that something came in, or the peer closed, while nobody waited."""

    def _on_writable(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.switch(WRITE)

    def interrupt(self, error: Exception) -> None:
        """End the present wait with `error`; called in the loop, does nothing without a wait."""
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.throw(error)

    def _end_waits(self) -> None:
        """Let go of the watchers; before the socket is closed."""
        self._reader.stop()
        self._reader.close()
        if self._writer is not None:
            self._writer.close()
