"""Celery's transport over Redis, except that an acknowledgement that fails gives its slot back.

kombu 5.7 counts a message until its acknowledgement was taken. A worker whose last messages end
while Redis is away counts them for ever: it asks for no more, has no pending question by which it
would notice the lost connection, and its event loop turns on, in vain.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from kombu.transport import redis, virtual


class QoS(redis.QoS):
    """Counts the messages in hand, which are at most `prefetch_count`."""

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge a message; raises a connection error when Redis does not take it."""
        with self._done_with(delivery_tag):
            super().ack(delivery_tag)  # type: ignore[no-untyped-call]

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Reject a message; raises a connection error when Redis does not take it."""
        with self._done_with(delivery_tag):
            super().reject(delivery_tag, requeue=requeue)  # type: ignore[no-untyped-call]

    @contextmanager
    def _done_with(self, delivery_tag: str) -> Iterator[None]:
        """Stop counting the message also on an error; it comes again after `visibility_timeout`.

        Asking for the next one then fails and makes Celery reconnect, or succeeds.
        """
        try:
            yield
        except Exception:
            virtual.QoS.ack(self, delivery_tag)  # type: ignore[no-untyped-call]
            raise


class Channel(redis.Channel):
    """A channel that counts as above."""

    QoS = QoS


class Transport(redis.Transport):
    """What `redis://` and `rediss://` mean to Celery; see `chassis.tasks`."""

    Channel = Channel
