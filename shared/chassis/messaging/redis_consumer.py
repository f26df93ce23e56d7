"""Consuming from Redis Streams as one member of a consumer group, until told to stop."""

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from threading import Event as Stop
from typing import Any
from uuid import uuid4

from redis import Redis

from chassis.messaging import redis_keys as keys
from chassis.messaging.bus import Beat, BusOptions, Decision, Delivery, Handler, Verdict
from chassis.messaging.lanes import Lanes

logger = logging.getLogger(__name__)

BLOCK_MS = 500
# An idle time beyond every `reclaim_after`, by which a message is offered to the others at once.
RELEASED_MS = 24 * 3600 * 1000
FORGOTTEN_MS = 3600 * 1000


@dataclass(frozen=True)
class Subscription:
    """Who consumes what, and how."""

    consumer: str
    types: frozenset[str]
    handler: Handler
    options: BusOptions
    beat: Beat


@dataclass(frozen=True)
class _Entry:
    stream: str
    id: bytes
    fields: dict[bytes, bytes]

    @property
    def delivery(self) -> Delivery:
        """The message as handlers get it."""
        return Delivery(self.fields.get(b"event", b""), int(self.fields.get(b"attempt", b"1")))


_stream = attrgetter("stream")


class ConsumingSession:
    """One member of the group, with a name of its own.

    Messages of a member that died stay pending under its name; whoever notices takes them over one
    at a time, so that only the one that kills its consumer reaches the delivery limit.
    """

    def __init__(self, client: Redis, subscription: Subscription) -> None:
        self._client, self._subscription = client, subscription
        self._group, self._member = subscription.consumer, uuid4().hex
        self._due = keys.due_name(self._group)
        producers = {keys.stream_name(type) for type in subscription.types}
        self._streams = [*sorted(producers), self._due]
        self._types = {type.encode() for type in subscription.types}
        self._retry = client.register_script(keys.RETRY)
        self._dead = client.register_script(keys.DEAD)
        self._move_due = client.register_script(keys.MOVE_DUE)
        self._idle_ms = int(subscription.options.reclaim_after * 1000)
        self._looked = 0.0
        self._lanes = Lanes(subscription.handler, subscription.options.threads)

    def run(self, stop: Stop) -> None:
        """Consume until `stop`, then finish what is in hand; raises RedisError."""
        self._forget_members()
        with self._lanes:
            while not stop.is_set():
                self._subscription.beat()
                waiting = int(self._move_due(keys=[keys.retry_name(self._group), self._due]))
                if not self._reclaim(stop):
                    self._work_through(self._read(waiting), stop)
        for stream in self._streams:
            # Nothing is pending under this name, or it was released: others need not see it.
            if not self._pending(stream, 0, self._member):
                self._client.xgroup_delconsumer(stream, self._group, self._member)

    def _forget_members(self) -> None:
        """Remove the names of members that ended long ago; a living one shows up all the time."""
        for stream in self._streams:
            members: Any = self._client.xinfo_consumers(stream, self._group)
            for member in members:
                if member["pending"] == 0 and member["idle"] > FORGOTTEN_MS:
                    self._client.xgroup_delconsumer(stream, self._group, member["name"])

    def _read(self, waiting_ms: int) -> list[_Entry]:
        block = BLOCK_MS if waiting_ms < 0 else max(1, min(BLOCK_MS, waiting_ms))
        answer: Any = self._client.xreadgroup(
            self._group,
            self._member,
            dict.fromkeys(self._streams, ">"),
            count=self._subscription.options.prefetch,
            block=block,
        )
        return [
            _Entry(stream.decode(), id, fields)
            for stream, entries in answer or []
            for id, fields in entries
        ]

    def _work_through(self, entries: list[_Entry], stop: Stop) -> None:
        wanted = [entry for entry in entries if self._is_wanted(entry)]
        # The stream holds everything of its producer.
        self._acknowledge([entry for entry in entries if not self._is_wanted(entry)])
        left = dict(enumerate(wanted))
        refreshed = time.monotonic()
        for made in filter(None, self._lanes.handle([one.delivery for one in wanted], stop)):
            self._settle([(left.pop(place), decision) for place, decision in made])
            self._subscription.beat()
            if time.monotonic() - refreshed > self._subscription.options.reclaim_after / 3:
                # Slow handlers: without this the rest would look abandoned to the other members.
                self._claim_again(left.values(), 0)
                refreshed = time.monotonic()
        # Not begun before `stop`.
        self._claim_again(left.values(), RELEASED_MS)

    def _is_wanted(self, entry: _Entry) -> bool:
        type = entry.fields.get(b"type")
        return type is None or type in self._types

    def _claim_again(self, entries: Iterable[_Entry], idle_ms: int) -> None:
        pipeline = self._client.pipeline(transaction=False)
        for entry in entries:
            pipeline.xclaim(
                entry.stream, self._group, self._member, 0, [entry.id], idle=idle_ms, justid=True
            )
        pipeline.execute()

    def _settle(self, decided: Iterable[tuple[_Entry, Decision]]) -> None:
        """Tell the server what became of messages; those that are done in one round trip."""
        done = []
        for entry, decision in decided:
            if decision.verdict is Verdict.RETRY:
                self._try_later(entry, decision)
            elif decision.verdict is Verdict.DEAD:
                self._give_up(entry, decision.reason)
            else:
                done.append(entry)
        self._acknowledge(done)

    def _acknowledge(self, entries: Iterable[_Entry]) -> None:
        pipeline = self._client.pipeline(transaction=False)
        for stream, group in groupby(sorted(entries, key=_stream), key=_stream):
            ids = [entry.id for entry in group]
            pipeline.xack(stream, self._group, *ids)
            if stream == self._due:
                pipeline.xdel(stream, *ids)
        # Without anything in it this asks nothing.
        pipeline.execute()

    def _try_later(self, entry: _Entry, decision: Decision) -> None:
        member = b"%d\n%s" % (decision.attempt, entry.delivery.body)
        self._retry(
            keys=[entry.stream, keys.retry_name(self._group)],
            args=[
                self._group,
                entry.id,
                round(decision.delay * 1000),
                member,
                int(entry.stream == self._due),
            ],
        )

    def _give_up(self, entry: _Entry, reason: str) -> None:
        body, attempt = entry.delivery.body, entry.delivery.attempt
        private = int(entry.stream == self._due)
        self._dead(
            keys=[entry.stream, keys.dead_name(self._group)],
            args=[self._group, entry.id, body, reason, attempt, private],
        )

    def _reclaim(self, stop: Stop) -> bool:
        """Take over one abandoned message of each stream; return whether there was any."""
        if time.monotonic() - self._looked < min(2.0, self._subscription.options.reclaim_after / 3):
            return False
        found = False
        for stream in self._streams:
            for pending in self._pending(stream, self._idle_ms):
                if stop.is_set():
                    return found
                found = True
                self._take_over(stream, pending["message_id"], pending["times_delivered"])
        if not found:
            self._looked = time.monotonic()
        return found

    def _pending(
        self, stream: str, idle_ms: int, member: str | None = None
    ) -> list[dict[str, Any]]:
        found: Any = self._client.xpending_range(
            stream, self._group, "-", "+", count=1, consumername=member, idle=idle_ms or None
        )
        return list(found)

    def _take_over(self, stream: str, id: bytes, deliveries: int) -> None:
        # The idle time makes this a race that one member wins; each win counts as a delivery.
        claimed: Any = self._client.xclaim(stream, self._group, self._member, self._idle_ms, [id])
        for claimed_id, fields in claimed:
            entry = _Entry(stream, claimed_id, fields)
            logger.warning("message taken over", extra={"stream": stream, "deliveries": deliveries})
            if deliveries >= self._subscription.options.delivery_limit:
                self._give_up(entry, "delivery_limit")
            elif self._is_wanted(entry):
                self._settle([(entry, self._subscription.handler(entry.delivery))])
            else:
                self._acknowledge([entry])
