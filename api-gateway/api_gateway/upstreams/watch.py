"""The waits of one event loop: who waits for a service, until when, and for which client."""

import time
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from gevent import get_hub

from api_gateway.errors import ClientGone

_TICK_SECONDS = 0.1
# How often a wait looks whether the client is still there: a gone client frees its service in time.
_LOOK_SECONDS = 0.25


class Waiting(Protocol):
    """Something that waits."""

    expires: float

    def client_gone(self) -> bool:
        """Tell whether nobody waits for the outcome any more."""

    def interrupt(self, error: Exception) -> None:
        """End the wait with `error`; does nothing where it has ended."""


class Watch:
    """Ends waits that last too long, a tick late at most.

    One timer for all of them: a timer for each wait would cost as much as sending the request.
    """

    def __init__(self, hub: Any) -> None:
        self.hub = hub
        self._waiting: set[Waiting] = set()
        self._timer = hub.loop.timer(_TICK_SECONDS, _TICK_SECONDS)
        self._ticking = False
        self._next_look = 0.0
        self.remove = self._waiting.discard

    def add(self, waiting: Waiting) -> None:
        """Watch a wait from now on."""
        self._waiting.add(waiting)
        if not self._ticking:
            self._ticking = True
            self._timer.start(self._tick)

    def _tick(self) -> None:
        if not self._waiting:
            self._timer.stop()
            self._ticking = False
            return
        now = time.monotonic()
        look = now >= self._next_look
        if look:
            self._next_look = now + _LOOK_SECONDS
        for waiting in list(self._waiting):
            if now >= waiting.expires:
                waiting.interrupt(TimeoutError("timed out"))
            elif look and waiting.client_gone():
                waiting.interrupt(ClientGone())


_watches: "WeakKeyDictionary[Any, Watch]" = WeakKeyDictionary()


def current_watch() -> Watch:
    """Return the watch of this thread's event loop."""
    hub = get_hub()
    watch = _watches.get(hub)
    if watch is None:
        watch = _watches[hub] = Watch(hub)
    return watch
