"""What is sent in one turn of the event loop, sent together at its end.

A send to a program that sleeps wakes a CPU for it: that was 30 of the 104 µs of a small request.
Sent together, the first wakes it and the others find it awake; all sides then work in batches, and
only where there is more than one thing to do. A request that is alone waits for nothing.
"""

import socket
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from gevent import get_hub

# Larger data is worth a trip of its own.
SMALL_BYTES = 16384
# So that nothing waits for more than about a millisecond.
_MOST = 16
_WRITE = 2


class Turn:
    """The senders of one event loop that have something to send in this turn."""

    def __init__(self, loop: Any) -> None:
        self._loop = loop
        self._senders: list[Sender] = []

    def add(self, sender: "Sender") -> None:
        """Let `sender` flush at the end of this turn."""
        senders = self._senders
        senders.append(sender)
        if len(senders) == 1:
            self._loop.run_callback(self._flush)
        elif len(senders) >= _MOST:
            self._flush()

    def _flush(self) -> None:
        senders, self._senders = self._senders, []
        for sender in senders:
            sender.flush()


class Sender:
    """Sends small pieces over a non-blocking socket at the end of the turn, in their order.

    unsent: bytes that wait. touched: whether the kernel took any; whoever asks sets it to False.
    What the kernel refuses is dropped: reading from the socket tells the same.
    spoiled: asked before the first byte; where it is true nothing is sent, and `stale` is true.
    """

    __slots__ = ("_loop", "_sock", "_turn", "_writer", "spoiled", "stale", "touched", "unsent")

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._turn = current_turn()
        self._loop = get_hub().loop
        self._writer: Any = None
        self.unsent = b""
        self.touched = self.stale = False
        self.spoiled: Callable[[], bool] | None = None

    def later(self, data: bytes) -> None:
        """Send `data` at the end of this turn, or as soon as the kernel takes it."""
        if self.unsent:
            self.unsent += data
        else:
            self.unsent = data
            self._turn.add(self)

    def flush(self) -> None:
        """Send what waits, as far as the kernel takes it now; the rest follows by itself."""
        if not self.unsent:
            return
        if self.spoiled is not None:
            spoiled, self.spoiled = self.spoiled, None
            if spoiled():
                self.stale = True
                self.drop()
                return
        try:
            sent = self._sock.send(self.unsent)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.drop()
            return
        self.touched = self.touched or sent > 0
        self.unsent = self.unsent[sent:]
        if self.unsent and self._writer is None:
            self._writer = self._loop.io(self._sock.fileno(), _WRITE)
            self._writer.start(self.flush)
        elif self._writer is not None and not self.unsent:
            self._stop()

    def take(self) -> bytes:
        """Return what waits, for somebody who sends it himself."""
        unsent = self.unsent
        self.drop()
        return unsent

    def drop(self) -> None:
        """Forget what waits; must be called before the socket is closed."""
        self.unsent = b""
        if self._writer is not None:
            self._stop()

    def _stop(self) -> None:
        self._writer.stop()
        self._writer.close()
        self._writer = None


_turns: "WeakKeyDictionary[Any, Turn]" = WeakKeyDictionary()


def current_turn() -> Turn:
    """Return the turn of this thread's event loop."""
    hub = get_hub()
    turn = _turns.get(hub)
    if turn is None:
        turn = _turns[hub] = Turn(hub.loop)
    return turn
