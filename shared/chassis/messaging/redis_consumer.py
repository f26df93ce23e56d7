"""Consuming from Redis Streams as one member of a consumer group, until told to stop."""

import logging
import time
from dataclasses import dataclass
from threading import Event as Stop
from typing import Any
from uuid import uuid4

from redis import Redis

from chassis.messaging import redis_keys as keys
from chassis.messaging.bus import Beat, BusOptions, Decision, Delivery, Handler, Verdict

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

    def run(self, stop: Stop) -> None:
        """Consume until `stop`, then finish the message in hand; raises RedisError."""
        self._forget_members()
        while not stop.is_set():
            self._subscription.beat()
            waiting = int(self._move_due(keys=[keys.retry_name(self._group), self._due]))
            if self._reclaim(stop):
                continue
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
        refreshed = time.monotonic()
        for position, entry in enumerate(entries):
            if stop.is_set():
                self._claim_again(entries[position:], RELEASED_MS)
                return
            if time.monotonic() - refreshed > self._subscription.options.reclaim_after / 3:
                # Slow handlers: without this the rest would look abandoned to the other members.
                self._claim_again(entries[position:], 0)
                refreshed = time.monotonic()
            self._handle(entry)
            self._subscription.beat()

    def _claim_again(self, entries: list[_Entry], idle_ms: int) -> None:
        pipeline = self._client.pipeline(transaction=False)
        for entry in entries:
            pipeline.xclaim(
                entry.stream, self._group, self._member, 0, [entry.id], idle=idle_ms, justid=True
            )
        pipeline.execute()

    def _handle(self, entry: _Entry) -> None:
        type = entry.fields.get(b"type")
        if type is not None and type not in self._types:
            # The stream holds everything of its producer.
            self._client.xack(entry.stream, self._group, entry.id)
            return
        attempt = int(entry.fields.get(b"attempt", b"1"))
        delivery = Delivery(entry.fields.get(b"event", b""), attempt)
        self._settle(entry, delivery, self._subscription.handler(delivery))

    def _settle(self, entry: _Entry, delivery: Delivery, decision: Decision) -> None:
        private = int(entry.stream == self._due)
        if decision.verdict is Verdict.RETRY:
            member = b"%d\n%s" % (decision.attempt, delivery.body)
            delay = round(decision.delay * 1000)
            self._retry(
                keys=[entry.stream, keys.retry_name(self._group)],
                args=[self._group, entry.id, delay, member, private],
            )
        elif decision.verdict is Verdict.DEAD:
            self._give_up(entry, delivery, decision.reason)
        else:
            self._client.xack(entry.stream, self._group, entry.id)
            if private:
                self._client.xdel(entry.stream, entry.id)

    def _give_up(self, entry: _Entry, delivery: Delivery, reason: str) -> None:
        private = int(entry.stream == self._due)
        self._dead(
            keys=[entry.stream, keys.dead_name(self._group)],
            args=[self._group, entry.id, delivery.body, reason, delivery.attempt, private],
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
                attempt = int(fields.get(b"attempt", b"1"))
                self._give_up(entry, Delivery(fields.get(b"event", b""), attempt), "delivery_limit")
            else:
                self._handle(entry)
