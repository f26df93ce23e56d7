"""Delivering a message: write the attempt, call the provider outside any transaction, apply.

A process may die between any two steps. Before the attempt is committed nothing was sent, and the
message is queued again when its lease ends; after it, the provider is asked, and nothing is sent
again that it may have.
"""

import logging
import time
from collections.abc import Callable

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from chassis import clock
from chassis.database import retry_conflicts, transaction
from chassis.exceptions import ServiceError
from notification_service.models.lifecycle import MessageState
from notification_service.models.receivers import masked
from notification_service.providers.port import (
    ErrorClass,
    NeverSeen,
    NotSupported,
    ProviderError,
)
from notification_service.services import outcomes
from notification_service.services.carriers import (
    Carrier,
    Carriers,
    Handed,
    Letter,
    Parcel,
    write_letter,
)
from notification_service.services.inbox import show
from notification_service.services.outcomes import Call
from notification_service.services.policy import Policy, Timing

logger = logging.getLogger(__name__)

# What the breaker takes for an ill provider, as opposed to one that dislikes a message.
_ILL = frozenset({ErrorClass.RETRYABLE, ErrorClass.UNKNOWN, ErrorClass.BALANCE})
# Seconds between tries to write down an answer while the database is away.
_PATIENCE = (0.2, 1.0, 3.0)


class Delivery:
    """Delivers parcels, in as many threads as call it."""

    def __init__(self, policy: Policy, carriers: Carriers, timing: Timing) -> None:
        self._policy, self._carriers, self._timing = policy, carriers, timing

    def deliver(self, parcel: Parcel) -> None:
        """Send one claimed message, or decide that it is not sent now."""
        now = clock.now()
        if parcel.expires_at <= now:
            _write(lambda s: outcomes.end(s, parcel, MessageState.EXPIRED, "expired", now))
            return
        try:
            letter = write_letter(self._policy, parcel)
        except (ValueError, ServiceError) as error:
            logger.error("message cannot be written", extra=_about(parcel, reason=str(error)[:200]))
            _write(lambda s: outcomes.end(s, parcel, MessageState.FAILED, "content", now))
            return
        willing = self._willing(parcel)
        carrier = next((one for one in willing if one.breaker.allow()), None)
        if carrier is None:
            wait = min(one.breaker.retry_after() for one in willing)
            _write(lambda s: outcomes.postpone(s, parcel, wait, clock.now()))
            return
        call = _begin(parcel, carrier, self._timing)
        if call is not None:
            self._call(letter, carrier, call)

    def _willing(self, parcel: Parcel) -> list[Carrier]:
        """Return the carriers that have not refused the message; all, where all of them have."""
        every = self._carriers.of(parcel.channel)
        return [one for one in every if one.name not in parcel.refused_by] or every

    def _call(self, letter: Letter, carrier: Carrier, call: Call) -> None:
        parcel = letter.parcel
        try:
            handed = carrier.send(letter)
        except ProviderError as error:
            self._refused(letter, carrier, call, error)
            return
        # An adapter that breaks down may have done so after the provider took the message.
        except Exception:
            logger.exception("provider broke down", extra=_about(parcel, provider=carrier.name))
            lost = ProviderError(ErrorClass.UNKNOWN, "broke_down")
            self._refused(letter, carrier, call, lost)
            return
        carrier.breaker.succeeded()
        _write(lambda session: self._accept(session, letter, call, handed))
        logger.info("message sent", extra=_about(parcel, provider=carrier.name))

    def _accept(self, session: Session, letter: Letter, call: Call, handed: Handed) -> None:
        outcomes.accept(session, call, handed.submitted, clock.now())
        if self._policy.shows:
            show(session, letter, handed.headers)

    def _refused(self, letter: Letter, carrier: Carrier, call: Call, error: ProviderError) -> None:
        parcel = letter.parcel
        (carrier.breaker.failed if error.kind in _ILL else carrier.breaker.succeeded)()
        names = {one.name for one in self._carriers.of(parcel.channel)}
        others = bool(names - {*parcel.refused_by, carrier.name})
        now = clock.now()
        _write(lambda s: outcomes.refuse(s, call, error, others, self._timing, now))
        found = {"provider": carrier.name, "kind": error.kind.value, "code": error.code}
        # Somebody has to look at these; the others are the life of such a service.
        level = logging.ERROR if error.kind in outcomes.ELSEWHERE else logging.WARNING
        logger.log(level, "message not taken", extra=_about(parcel, **found))

    def look_up(self, parcel: Parcel) -> None:
        """Ask what became of a message that nobody knows about."""
        carrier = self._carriers.named(parcel.channel, parcel.provider)
        try:
            if carrier is None:
                raise NotSupported
            receipt = carrier.look_up(write_letter(self._policy, parcel))
        except NotSupported:
            _write(lambda session: outcomes.stop_asking(session, parcel))
            return
        except (ValueError, ServiceError) as error:
            logger.error("message cannot be asked for", extra=_about(parcel, reason=str(error)))
            _write(lambda session: outcomes.stop_asking(session, parcel))
            return
        except NeverSeen:
            _write(lambda s: outcomes.unseen(s, parcel, self._timing, clock.now()))
            return
        except ProviderError as error:
            found = {"provider": parcel.provider, "code": error.code}
            logger.warning("look-up without an answer", extra=_about(parcel, **found))
            return
        if receipt is not None:
            _write(lambda session: outcomes.learn(session, parcel.id, receipt))
            logger.info("message looked up", extra=_about(parcel, found=receipt.state))


def _begin(parcel: Parcel, carrier: Carrier, timing: Timing) -> Call | None:
    with transaction() as session:
        return outcomes.begin_attempt(session, parcel, carrier.name, timing, clock.now())


def _write(work: Callable[[Session], object]) -> None:
    """Run `work` in a transaction; wait for a database that is away, as long as the lease allows.

    What cannot be written down in the end is found in doubt when the lease has passed.
    """

    def once() -> None:
        with transaction() as session:
            work(session)

    for wait in _PATIENCE:
        try:
            return retry_conflicts(once)
        except (DBAPIError, PoolTimeout) as error:
            logger.warning("answer not written yet", extra={"reason": type(error).__name__})
            time.sleep(wait)
    return retry_conflicts(once)


def _about(parcel: Parcel, **more: object) -> dict[str, object]:
    return {
        "message_id": str(parcel.id),
        "channel": parcel.channel.value,
        "receiver": masked(parcel.receiver),
        "template": parcel.template,
        **more,
    }
