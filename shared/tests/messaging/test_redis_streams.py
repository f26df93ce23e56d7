"""What only the driver on Redis Streams has: trimming, and a server that forgot everything."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from redis import Redis

from chassis.messaging.bus import BusOptions, Decision, Delivery, Published, Verdict
from chassis.messaging.event import Event
from chassis.messaging.redis_keys import bound_name, due_name, stream_name
from chassis.messaging.redis_streams import RedisStreamsBus

Consuming = Callable[..., tuple[Any, Callable[[], None]]]
MakeEvent = Callable[..., Event]
Eventually = Callable[..., None]


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def bus(redis_url: str, options: BusOptions) -> Iterator[RedisStreamsBus]:
    with RedisStreamsBus(redis_url, options) as bus:
        yield bus


@pytest.fixture
def consumers() -> tuple[str, str]:
    return f"c{uuid4().hex[:10]}", f"c{uuid4().hex[:10]}"


def test_trimming_keeps_what_any_consumer_still_needs(
    bus: RedisStreamsBus, redis: Redis, consumers: tuple[str, str], make_event: MakeEvent,
    consuming: Consuming, eventually: Eventually,
) -> None:  # fmt: skip
    events = [make_event(n) for n in range(10)]
    stream, types = stream_name(events[0].type), [events[0].type]
    fast, slow = consumers
    for consumer in consumers:
        bus.declare(consumer, types)
    bus.publish(events)
    seen, stop_fast = consuming(bus, fast, types)
    eventually(lambda: len(seen.seen) == 10)
    stop_fast()
    bus.trim([stream], every=0)
    assert redis.xlen(stream) == 10
    # The slow one has read all and acknowledged the first four.
    entries: Any = redis.xreadgroup(slow, "member", {stream: ">"})
    ids = [id for id, _ in entries[0][1]]
    redis.xack(stream, slow, *ids[:4])
    bus.trim([stream], every=0)
    assert redis.xrange(stream, count=1)[0][0] == ids[4]
    assert redis.xlen(stream) == 6
    redis.xack(stream, slow, *ids[4:])
    bus.trim([stream], every=0)
    assert redis.xlen(stream) == 1


def test_stream_without_consumers_is_kept_for_a_week(
    bus: RedisStreamsBus, redis: Redis, producer: str
) -> None:
    stream = f"events:{producer}"
    redis.xadd(stream, {"type": "x", "event": "{}"}, id="1000-0")
    newest = redis.xadd(stream, {"type": "x", "event": "{}"})
    bus.trim([stream], every=0)
    assert [id for id, _ in redis.xrange(stream)] == [newest]


def test_retries_and_their_stream_leave_nothing_behind(
    bus: RedisStreamsBus, redis: Redis, consumers: tuple[str, str], make_event: MakeEvent,
    consuming: Consuming, eventually: Eventually,
) -> None:  # fmt: skip
    def twice(delivery: Delivery) -> Decision:
        if delivery.attempt == 1:
            return Decision(Verdict.RETRY, 0.1, 2, "again")
        return Decision(Verdict.DONE)

    event = make_event(1)
    bus.declare(consumers[0], [event.type])
    bus.publish([event])
    inbound, stop = consuming(bus, consumers[0], [event.type], twice)
    eventually(lambda: len(inbound.seen) == 2)
    stop()
    assert redis.xlen(due_name(consumers[0])) == 0
    assert redis.keys(f"events.retry:{consumers[0]}") == []


def test_ended_member_leaves_no_name_behind(
    bus: RedisStreamsBus, redis: Redis, consumers: tuple[str, str], make_event: MakeEvent,
    consuming: Consuming, eventually: Eventually,
) -> None:  # fmt: skip
    event = make_event(1)
    bus.declare(consumers[0], [event.type])
    inbound, stop = consuming(bus, consumers[0], [event.type])
    bus.publish([event])
    eventually(lambda: inbound.seen)
    assert len(redis.xinfo_consumers(stream_name(event.type), consumers[0])) == 1
    stop()
    assert redis.xinfo_consumers(stream_name(event.type), consumers[0]) == []


def test_consumer_declares_itself_again_when_the_server_forgot_everything(
    bus: RedisStreamsBus, redis: Redis, consumers: tuple[str, str], make_event: MakeEvent,
    consuming: Consuming, eventually: Eventually,
) -> None:  # fmt: skip
    event = make_event(1)
    stream = stream_name(event.type)
    inbound, _ = consuming(bus, consumers[0], [event.type])
    eventually(lambda: redis.exists(stream))
    redis.delete(stream, due_name(consumers[0]), bound_name(event.type))
    eventually(lambda: redis.exists(bound_name(event.type)))
    assert [result.outcome for result in bus.publish([event])] == [Published.CONFIRMED]
    eventually(lambda: inbound.numbers == [1])
