"""The worker's end: the port through which calls arrive, and the choice of its driver."""

from collections.abc import Callable
from threading import Event as Stop
from typing import Protocol

from chassis.rpc.messages import Call

# Takes a message and whether a lost worker had it; returns the call and its reply, or None.
Answer = Callable[..., tuple[Call, bytes] | None]
# Seconds that running calls may take after SIGTERM, less than the worker's own patience.
FINISH_SECONDS = 20.0


class Receiver(Protocol):
    """Takes calls of one service, as many at a time as it has threads, with other workers."""

    def run(self, stop: Stop, beat: Callable[[], None]) -> None:
        """Take calls until `stop`, then finish what runs; reconnects by itself."""


def connect_receiver(broker_url: str, service: str, answer: Answer, threads: int) -> Receiver:
    """Return the receiver for the URL's scheme; it connects when it runs."""
    if broker_url.startswith("amqp"):
        from chassis.rpc.rabbitmq_receiver import RabbitMQReceiver

        return RabbitMQReceiver(broker_url, service, answer, threads)
    from chassis.rpc.redis_receiver import RedisReceiver

    return RedisReceiver(broker_url, service, answer, threads)
