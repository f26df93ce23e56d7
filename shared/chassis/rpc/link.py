"""The caller's end: the port over which calls and tasks leave, and the choice of its driver."""

from typing import Protocol

from chassis.rpc.celery_message import TaskMessage
from chassis.rpc.messages import Call


class Link(Protocol):
    """Shared by the threads of a process; it connects at first use and again after a loss."""

    def call(self, service: str, call: Call, timeout: float) -> bytes:
        """Send a call and return its reply within `timeout` seconds.

        Raises CallTimeout, UnknownService, and CallUnavailable when the broker cannot be reached or
        is lost on the way; whether the task ran is not known then.
        """

    def send(self, message: TaskMessage, timeout: float) -> None:
        """Return when the broker has stored the task; raises UnknownService, CallUnavailable."""

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""


def call_queue(service: str) -> str:
    """Return where the calls to a service wait for one of its workers."""
    return f"{service}.rpc"


def connect_link(broker_url: str) -> Link:
    """Return the link for the URL's scheme; raises ValueError for any other than the bus knows."""
    scheme = broker_url.partition("://")[0]
    # Imported here, so that a process loads the client of one broker and not of both.
    if scheme in ("amqp", "amqps"):
        from chassis.rpc.rabbitmq_link import RabbitMQLink

        return RabbitMQLink(broker_url)
    if scheme in ("redis", "rediss"):
        from chassis.rpc.redis_link import RedisLink

        return RedisLink(broker_url)
    raise ValueError("BROKER_URL must start with amqp://, amqps://, redis:// or rediss://")
