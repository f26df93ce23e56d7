"""The port through which events travel, and the choice of its driver."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from threading import Event as Stop
from typing import Protocol, Self
from uuid import UUID

from chassis.messaging.event import Event


class BusUnavailable(Exception):
    """The broker cannot be reached or does not answer; what was being published is sent again."""


class Published(Enum):
    """What the broker said about one event: stored, or nobody wants it, or not now."""

    CONFIRMED = "confirmed"
    UNROUTABLE = "unroutable"
    REFUSED = "refused"


@dataclass(frozen=True)
class PublishResult:
    """The answer for one event of a batch."""

    event_id: UUID
    outcome: Published


@dataclass(frozen=True)
class Delivery:
    """A message as it came; attempt: 1 the first time, one more after each failure."""

    body: bytes
    attempt: int = 1


class Verdict(Enum):
    """What becomes of a delivery."""

    DONE = "done"
    DUPLICATE = "duplicate"
    RETRY = "retry"
    DEAD = "dead"


@dataclass(frozen=True)
class Decision:
    """A verdict; for a retry the `delay` in seconds and the number that `attempt` will have."""

    verdict: Verdict
    delay: float = 0.0
    attempt: int = 1
    reason: str = ""


@dataclass(frozen=True)
class DeadLetter:
    """A message that was given up, and why."""

    body: bytes
    reason: str
    attempt: int


@dataclass(frozen=True, kw_only=True)
class BusOptions:
    """How a bus behaves; the defaults are for services, tests shorten them.

    retry_delays: seconds before the second, third ... attempt. prefetch: messages that a consumer
    holds. delivery_limit: deliveries of one attempt before a message that kills its consumer
    is given up. reclaim_after: seconds until the messages of a silent consumer go to another one
    (Redis; RabbitMQ sees the connection die). timeout: seconds for one answer of the broker.
    heartbeat: seconds between signs of life (RabbitMQ). threads: messages handled at the same time.
    """

    retry_delays: tuple[float, ...] = (1.0, 5.0, 30.0, 300.0)
    prefetch: int = 20
    delivery_limit: int = 10
    reclaim_after: float = 15.0
    timeout: float = 10.0
    heartbeat: int = 30
    threads: int = 1


Handler = Callable[[Delivery], Decision]
Beat = Callable[[], None]


def no_beat() -> None:
    """Tell nobody about progress."""


class Bus(Protocol):
    """Publishing with confirms, and consuming with acknowledgement after the effect.

    One thread publishes and one consumes at a time, each on a connection of its own.
    """

    def publish(self, batch: Sequence[Event]) -> list[PublishResult]:
        """Publish in order and wait for every confirm; raises BusUnavailable."""

    def declare(self, consumer: str, types: Iterable[str]) -> None:
        """Make what the consumer needs, so that what is published from now on reaches it."""

    def consume(
        self,
        consumer: str,
        types: Iterable[str],
        handler: Handler,
        stop: Stop,
        beat: Beat = no_beat,
    ) -> None:
        """Give messages to `handler` until `stop`; reconnects by itself.

        One after the other; with several `threads` those of one subject. What was handled is
        acknowledged some messages at a time. `beat` is called while there is progress, also while
        the broker is away.
        """

    def dead_letters(self, consumer: str, limit: int = 100) -> list[DeadLetter]:
        """Return the oldest messages that the consumer gave up, and keep them."""

    def count_dead_letters(self, consumer: str) -> int:
        """Return how many messages the consumer has given up."""

    def redeliver_dead_letters(self, consumer: str, limit: int = 1000) -> int:
        """Give the oldest dead letters to the consumer anew; return how many."""

    def ping(self) -> None:
        """Do nothing if the broker answers; raises BusUnavailable."""

    def close(self) -> None:
        """Close the connections; publishing again opens them."""

    def __enter__(self) -> Self:
        """Return the bus itself; the end of the block closes it."""

    def __exit__(self, *_exception: object) -> None:
        """Close the bus."""


def connect_bus(broker_url: str, options: BusOptions | None = None) -> Bus:
    """Return the bus for the URL's scheme: `amqp(s)` or `redis(s)`; it connects at first use.

    Raises ValueError for any other scheme.
    """
    scheme = broker_url.partition("://")[0]
    # Imported here, so that a process loads the client of one broker and not of both.
    if scheme in ("amqp", "amqps"):
        from chassis.messaging.rabbitmq import RabbitMQBus

        return RabbitMQBus(broker_url, options or BusOptions())
    if scheme in ("redis", "rediss"):
        from chassis.messaging.redis_streams import RedisStreamsBus

        return RedisStreamsBus(broker_url, options or BusOptions())
    raise ValueError("BROKER_URL must start with amqp://, amqps://, redis:// or rediss://")
