"""Handling what came together: events of one subject in their order, others at the same time."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Event as Stop
from typing import Self

import orjson

from chassis.messaging.bus import Decision, Delivery, Handler

# Seconds after which decisions are given to the broker although others are not made yet.
SETTLE_SECONDS = 0.1

Decided = tuple[int, Decision]


class Lanes:
    """Gives deliveries to `handler` in up to `threads` threads; one: in the caller's.

    Use it as a context; its end waits for what is in hand.
    """

    def __init__(self, handler: Handler, threads: int) -> None:
        self._handler = handler
        # Its threads start when there is something for them.
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="event")
        self._threads = threads

    def handle(self, deliveries: Sequence[Delivery], stop: Stop) -> Iterator[list[Decided]]:
        """Yield decisions with the places of their deliveries as they are made, some at a time.

        After `stop` no further delivery is begun: the places that are missing then.
        """
        lanes = _lanes(deliveries) if self._threads > 1 else [list(range(len(deliveries)))]
        if len(lanes) > 1:
            yield from self._side_by_side(lanes, deliveries, stop)
            return
        made: list[Decided] = []
        since = time.monotonic()
        for place, delivery in enumerate(deliveries):
            if stop.is_set():
                break
            made.append((place, self._handler(delivery)))
            if time.monotonic() - since > SETTLE_SECONDS:
                yield made
                made, since = [], time.monotonic()
        yield made

    def _side_by_side(
        self, lanes: Sequence[Sequence[int]], deliveries: Sequence[Delivery], stop: Stop
    ) -> Iterator[list[Decided]]:
        made: list[Decided] = []
        abandoned = Stop()

        def run(lane: Sequence[int]) -> None:
            for place in lane:
                if stop.is_set() or abandoned.is_set():
                    return
                made.append((place, self._handler(deliveries[place])))

        running = [self._pool.submit(run, lane) for lane in lanes]
        taken, ended = 0, False
        try:
            while not ended:
                ended = not wait(running, timeout=SETTLE_SECONDS).not_done
                fresh = made[taken:]
                taken += len(fresh)
                yield fresh
        finally:
            # The broker was lost: whatever is handled now would come again.
            abandoned.set()
        for lane in running:
            lane.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._pool.shutdown(cancel_futures=True)


def _lanes(deliveries: Sequence[Delivery]) -> list[list[int]]:
    """Return the places of each subject's deliveries, in their order."""
    lanes: dict[str, list[int]] = {}
    for place, delivery in enumerate(deliveries):
        lanes.setdefault(_subject(delivery.body), []).append(place)
    return list(lanes.values())


def _subject(body: bytes) -> str:
    """Return the event's subject; what is none of ours will be refused, in whatever order."""
    try:
        event = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    subject = event.get("subject") if isinstance(event, dict) else None
    return subject if isinstance(subject, str) else ""
