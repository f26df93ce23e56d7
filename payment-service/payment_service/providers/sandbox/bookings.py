"""What the sandbox books for each call, inside its own transaction."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, update

from chassis.base_model import new_id
from payment_service.providers.port import (
    ActionRequired,
    Approved,
    ChargeRequest,
    Declined,
    FollowUp,
)
from payment_service.providers.sandbox.tables import Outcome, actions, charges

MESSAGES = {
    "card_declined": "The card was declined.",
    "insufficient_funds": "The card has insufficient funds.",
    "invalid_source": "The means of payment is not known.",
    "action_invalid": "The confirmation is not known or was used already.",
    "not_capturable": "The authorization cannot be captured.",
    "not_cancelable": "There is no open authorization.",
    "refund_exceeds_charge": "The refund is larger than what is left of the charge.",
    "key_closed": "The idempotency key was closed.",
    "key_reused": "The idempotency key was used for another request.",
}
MAGIC_DECLINES = {
    "tok_declined": "card_declined",
    "tok_insufficient_funds": "insufficient_funds",
}
_CHARGEABLE = {"tok_success", "tok_slow", "tok_timeout_after"}


@dataclass(frozen=True)
class Answer:
    """What a key is answered with, now and for ever."""

    outcome: Outcome
    kind: str = ""
    amount: int = 0
    reference: str | None = None
    code: str | None = None

    def give(self) -> Approved | ActionRequired:
        """Return or raise it as the port says."""
        if self.outcome == Outcome.ACTION_REQUIRED:
            url = f"https://sandbox.invalid/actions/{self.reference}"
            return ActionRequired(str(self.reference), url)
        return self.approved()

    def approved(self) -> Approved:
        """Return the approval; raises Declined."""
        if self.outcome != Outcome.APPROVED:
            code = self.code or "key_closed"
            raise Declined(code, MESSAGES[code])
        return Approved(str(self.reference), self.amount)


def _declined(code: str) -> Answer:
    return Answer(Outcome.DECLINED, code=code)


KEY_REUSED = _declined("key_reused")


def take(connection: Connection, request: ChargeRequest, *, captured: bool) -> Answer:
    """Book a charge or an authorization by the magic of its source."""
    if request.source == "tok_requires_action":
        if request.action_reference is None:
            return _ask_for_action(connection)
        if not _use_action(connection, request):
            return _declined("action_invalid")
    elif request.source not in _CHARGEABLE:
        return _declined(MAGIC_DECLINES.get(request.source, "invalid_source"))
    reference = f"ch_{new_id().hex}"
    connection.execute(
        insert(charges).values(
            reference=reference,
            merchant_reference=request.merchant_reference,
            currency=request.money.currency,
            authorized=request.money.amount,
            captured=request.money.amount if captured else 0,
            refunded=0,
            open=not captured,
        )
    )
    return Answer(Outcome.APPROVED, reference=reference)


def _ask_for_action(connection: Connection) -> Answer:
    reference = f"act_{new_id().hex}"
    connection.execute(insert(actions).values(reference=reference))
    return Answer(Outcome.ACTION_REQUIRED, reference=reference)


def _use_action(connection: Connection, request: ChargeRequest) -> bool:
    unused = (actions.c.reference == request.action_reference) & actions.c.used_by.is_(None)
    return _changed(connection, update(actions).where(unused).values(used_by=request.key))


def capture(connection: Connection, request: FollowUp) -> Answer:
    """Book a capture: once, and not more than was authorized."""
    held = (
        (charges.c.reference == request.reference)
        & charges.c.open
        & (charges.c.authorized >= request.amount)
    )
    taken = update(charges).where(held).values(captured=request.amount, open=False)
    if not _changed(connection, taken):
        return _declined("not_capturable")
    return Answer(Outcome.APPROVED, reference=request.reference)


def cancel(connection: Connection, request: FollowUp) -> Answer:
    """Book the release of an authorization."""
    held = (charges.c.reference == request.reference) & charges.c.open
    if not _changed(connection, update(charges).where(held).values(open=False)):
        return _declined("not_cancelable")
    return Answer(Outcome.APPROVED, reference=request.reference)


def refund(connection: Connection, request: FollowUp) -> Answer:
    """Book a refund: never more than is left of the charge."""
    enough = (charges.c.reference == request.reference) & (
        charges.c.captured - charges.c.refunded >= request.amount
    )
    given = update(charges).where(enough).values(refunded=charges.c.refunded + request.amount)
    if not _changed(connection, given):
        return _declined("refund_exceeds_charge")
    return Answer(Outcome.APPROVED, reference=request.reference)


def _changed(connection: Connection, statement: Any) -> bool:
    return bool(connection.execute(statement).rowcount)
