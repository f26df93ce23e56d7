"""The books: every movement of money as a double entry."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from payment_service.models.ledger import Account, LedgerEntry
from payment_service.models.operations import Operation
from payment_service.models.payments import Payment


def post_entries(
    session: Session, payment: Payment, operation: Operation, amounts: Mapping[Account, int]
) -> None:
    """Write the entries of one operation, as one transaction of the ledger; amounts: minor units.

    Nothing is written for a movement of zero: a free order has no money to account for.
    """
    session.add_all(
        LedgerEntry(
            operation_id=operation.id,
            payment_id=payment.id,
            account=account,
            amount=amount,
            currency=payment.currency,
        )
        for account, amount in amounts.items()
        if amount
    )


def list_entries(session: Session, payment_id: UUID) -> Sequence[LedgerEntry]:
    """Return the entries of a payment, oldest first."""
    entries = select(LedgerEntry).where(LedgerEntry.payment_id == payment_id)
    return session.scalars(entries.order_by(LedgerEntry.id)).all()
