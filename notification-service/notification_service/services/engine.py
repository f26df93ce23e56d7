"""The part of the worker that sends: claims what is due and hands it to a pool of threads."""

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from chassis import clock
from chassis.database import fetch_all, transaction
from chassis.messaging.backoff import Backoff
from notification_service.services.carriers import Parcel
from notification_service.services.delivery import Delivery
from notification_service.services.policy import Timing
from notification_service.services.queue import claim, claim_unknown, recover

logger = logging.getLogger(__name__)

RECOVER_SECONDS = 1.0
# Asked twenty times a second, mostly in vain: a fraction of the work of a claim.
_DUE = text("SELECT 1 FROM messages WHERE state = 'queued' AND due_at <= :now LIMIT 1")


class Engine:
    """Safe to run in several workers at once: each message is claimed by one.

    context: opens the surroundings of a job, such as an app context. poll: seconds between two
    looks at an empty queue.
    """

    def __init__(
        self,
        delivery: Delivery,
        timing: Timing,
        context: Callable[[], AbstractContextManager[object]],
        *,
        threads: int,
        poll: float,
    ) -> None:
        self._delivery, self._timing, self._context = delivery, timing, context
        self._threads, self._poll = threads, poll
        self._running = 0
        self._changed = threading.Condition()
        self._recovered = clock.now()

    def run(self, stop: threading.Event, beat: Callable[[], None] = lambda: None) -> None:
        """Deliver until `stop`, then finish what is in hand; outlives the database's absence."""
        backoff = Backoff()
        with ThreadPoolExecutor(self._threads, thread_name_prefix="deliver") as pool:
            while not stop.is_set():
                beat()
                try:
                    busy = self.turn(pool)
                    backoff.reset()
                except SQLAlchemyError as error:
                    logger.warning("delivery lost the database", extra={"reason": str(error)[:200]})
                    stop.wait(backoff.next())
                    continue
                if not busy:
                    stop.wait(self._poll)

    def turn(self, pool: ThreadPoolExecutor) -> bool:
        """Claim as much as there is room for; tell whether there was anything to do."""
        room = self._room()
        if room <= 0:
            return self._wait_for_room()
        with self._context():
            if (clock.now() - self._recovered).total_seconds() >= RECOVER_SECONDS:
                self._recovered = clock.now()
                self._look_after(pool, room)
            # On the connection for reads, where this is one round trip instead of four.
            if not fetch_all(_DUE, {"now": clock.now()}):
                return False
            with transaction() as session:
                parcels = claim(session, room, self._timing, clock.now())
        self._start(pool, self._delivery.deliver, parcels)
        return bool(parcels)

    def _look_after(self, pool: ThreadPoolExecutor, room: int) -> None:
        with transaction() as session:
            lost = recover(session, clock.now())
            doubtful = claim_unknown(session, max(1, room // 2), self._timing, clock.now())
        if lost:
            logger.warning("messages of a dead worker taken back", extra={"count": lost})
        self._start(pool, self._delivery.look_up, doubtful)

    def _start(
        self, pool: ThreadPoolExecutor, job: Callable[[Parcel], None], parcels: Sequence[Parcel]
    ) -> None:
        with self._changed:
            self._running += len(parcels)
        for parcel in parcels:
            pool.submit(self._do, job, parcel)

    def _do(self, job: Callable[[Parcel], None], parcel: Parcel) -> None:
        try:
            with self._context():
                job(parcel)
        # The outermost frame of a pool's thread: the lease brings the message back.
        except Exception:
            logger.exception("delivery failed", extra={"message_id": str(parcel.id)})
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify()

    def _room(self) -> int:
        # A few more than there are threads, so that none waits for the next claim.
        with self._changed:
            return self._threads + self._threads // 2 - self._running

    def _wait_for_room(self) -> bool:
        with self._changed:
            self._changed.wait(1.0)
        return True
