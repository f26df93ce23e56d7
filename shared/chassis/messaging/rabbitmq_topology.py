"""What exists at RabbitMQ: one topic exchange, and for each consumer a queue with its surroundings.

    platform.events --type--> <consumer>.events --delivery limit--> <consumer>.events.dead
                                  ^       |
                                  +- TTL -+ <consumer>.events.retry.<n>s

All queues are quorum queues, because only those are fsynced before the confirm, and all dead
lettering is at-least-once, which wants overflow `reject-publish` (RabbitMQ 3.10 and later).
Names and arguments must not change: a queue that exists with others refuses its declaration.
"""

from collections.abc import Iterable
from typing import Any

import pika
from pika.adapters.blocking_connection import BlockingChannel

from chassis.messaging.bus import BusOptions

EXCHANGE = "platform.events"
ATTEMPT_HEADER = "x-attempt"
REASON_HEADER = "x-reason"
_SAFE = {"x-queue-type": "quorum", "x-overflow": "reject-publish"}


def queue_name(consumer: str) -> str:
    """Return the queue from which a consumer reads."""
    return f"{consumer}.events"


def dead_queue_name(consumer: str) -> str:
    """Return the queue of what a consumer has given up."""
    return f"{consumer}.events.dead"


def retry_queue_name(consumer: str, delay: float) -> str:
    """Return the queue in which a message waits `delay` seconds before it comes back."""
    return f"{consumer}.events.retry.{delay:g}s"


def connection_parameters(broker_url: str, options: BusOptions, purpose: str) -> pika.URLParameters:
    """Return what both kinds of connections share; purpose is shown in RabbitMQ's own lists."""
    parameters = pika.URLParameters(broker_url)
    parameters.heartbeat = options.heartbeat
    # Without it a publisher hangs for as long as a memory or disk alarm lasts.
    parameters.blocked_connection_timeout = options.timeout
    parameters.socket_timeout = options.timeout
    parameters.stack_timeout = options.timeout
    parameters.connection_attempts = 1
    parameters.client_properties = {"connection_name": purpose}
    return parameters


def declare_consumer(
    channel: BlockingChannel, consumer: str, types: Iterable[str], options: BusOptions
) -> None:
    """Declare a consumer's queues and bind its queue to the types; again it changes nothing."""
    queue, dead = queue_name(consumer), dead_queue_name(consumer)
    channel.exchange_declare(EXCHANGE, exchange_type="topic", durable=True)
    # Inspecting dead letters counts as delivering them, and RabbitMQ 4 drops after 20 of those.
    _declare(channel, dead, {**_SAFE, "x-delivery-limit": 1_000_000})
    to_dead = {"x-delivery-limit": options.delivery_limit, **_dead_lettering(dead)}
    _declare(channel, queue, {**_SAFE, **to_dead})
    for delay in options.retry_delays:
        # One queue for each delay: a TTL only expires at the head, so that in a shared queue a
        # message of five minutes would hold back those of one second.
        back = {"x-message-ttl": round(delay * 1000), **_dead_lettering(queue)}
        _declare(channel, retry_queue_name(consumer, delay), {**_SAFE, **back})
    for type in sorted(types):
        channel.queue_bind(queue, EXCHANGE, routing_key=type)


def _declare(channel: BlockingChannel, name: str, arguments: dict[str, Any]) -> None:
    channel.queue_declare(name, durable=True, arguments=arguments)


def _dead_lettering(queue: str) -> dict[str, Any]:
    return {
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": queue,
        # The default strategy is at-most-once: it loses messages when the target is away.
        "x-dead-letter-strategy": "at-least-once",
    }
