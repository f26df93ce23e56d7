"""What becomes of a message: done, seen before, tried again later, or given up. Knows no broker."""

import logging
from collections.abc import Mapping, Sequence

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from chassis import spans
from chassis.database import sqlstate
from chassis.messaging.bus import BusOptions, Decision, Delivery, Verdict
from chassis.messaging.event import Event, MalformedEvent, TerminalError
from chassis.messaging.inbox import EventHandler, Transaction, process
from chassis.request_id import accept_request_id, set_request_id
from chassis.tracing import accept_traceparent, set_traceparent

logger = logging.getLogger(__name__)


class Consumer:
    """Gives each event to the handler of its type, through the inbox.

    Call it with a delivery; it never raises. retry_delays: seconds before each further attempt;
    after the last one the message is given up.
    """

    def __init__(
        self,
        name: str,
        handlers: Mapping[str, EventHandler],
        transaction: Transaction,
        retry_delays: Sequence[float] = BusOptions.retry_delays,
    ) -> None:
        self.name = name
        self._handlers = handlers
        self._transaction = transaction
        self._retry_delays = retry_delays

    def __call__(self, delivery: Delivery) -> Decision:
        try:
            event = Event.from_cloudevent(delivery.body)
        except MalformedEvent as error:
            logger.error("malformed event", extra={"consumer": self.name, "reason": str(error)})
            return Decision(Verdict.DEAD, attempt=delivery.attempt, reason=f"malformed: {error}")
        set_request_id(accept_request_id(event.request_id))
        set_traceparent(accept_traceparent(event.traceparent))
        said = {"messaging.message.id": str(event.id), "messaging.consumer.group.name": self.name}
        try:
            with spans.span(f"process {event.type}", spans.CONSUMER, said):
                return self._handle(event)
        # The outermost loop of the consumer: whatever a handler raises must leave the message in
        # a known place, never end the thread.
        except Exception as error:
            return self._failed(event, delivery.attempt, error)
        finally:
            set_request_id(None)
            set_traceparent(None)

    def _handle(self, event: Event) -> Decision:
        handler = self._handlers.get(event.type)
        if handler is None:
            # A binding of an earlier version of this service is still there.
            logger.warning("event without handler", extra=self._ids(event))
            return Decision(Verdict.DONE)
        fresh = process(self._transaction, self.name, event, handler)
        logger.info("event handled" if fresh else "event seen before", extra=self._ids(event))
        return Decision(Verdict.DONE if fresh else Verdict.DUPLICATE)

    def _failed(self, event: Event, attempt: int, error: Exception) -> Decision:
        reason = f"{type(error).__name__}: {error}"[:500]
        ids = {**self._ids(event), "attempt": attempt}
        if database_is_away(error):
            # Not the message's fault: otherwise an outage longer than all delays would give up all.
            logger.warning("database away, event waits", extra=ids)
            return Decision(Verdict.RETRY, self._retry_delays[:2][-1], attempt, reason)
        if isinstance(error, TerminalError) or attempt > len(self._retry_delays):
            logger.error("event given up", extra=ids, exc_info=error)
            return Decision(Verdict.DEAD, attempt=attempt, reason=reason)
        delay = self._retry_delays[attempt - 1]
        logger.warning(
            "event failed, will be tried again", extra={**ids, "delay": delay}, exc_info=error
        )
        return Decision(Verdict.RETRY, delay, attempt + 1, reason)

    def _ids(self, event: Event) -> dict[str, str]:
        return {
            "consumer": self.name,
            "event_id": str(event.id),
            "event_type": event.type,
            "subject": event.subject,
        }


def database_is_away(error: BaseException) -> bool:
    """Tell whether the database could not be reached, as opposed to having refused something."""
    if isinstance(error, PoolTimeout):
        return True
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    # A failed connection attempt carries no SQLSTATE; what a server answers always does.
    return isinstance(error, OperationalError) and not sqlstate(error)
