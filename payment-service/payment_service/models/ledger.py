from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payment_service.extensions import Base


class Account(StrEnum):
    # What the provider owes us.
    PROVIDER = "assets:provider"
    SALES = "income:sales"
    REFUNDS = "income:refunds"


class LedgerEntry(Base):
    """One side of a double entry; debits are positive, credits negative, in minor units.

    The entries of one operation are one transaction and sum to zero: a deferred constraint trigger
    of the database refuses to commit anything else. Entries are only ever added.
    """

    __tablename__ = "ledger_entries"
    __table_args__ = (
        # An operation whose outcome were applied twice would break this, not the books.
        UniqueConstraint("operation_id", "account"),
        CheckConstraint("amount <> 0", name="amount"),
        Index("ix_ledger_entries_payment_id", "payment_id"),
    )

    operation_id: Mapped[UUID] = mapped_column(ForeignKey("operations.id"))
    payment_id: Mapped[UUID] = mapped_column(ForeignKey("payments.id"))
    account: Mapped[str] = mapped_column(String(40))
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))


def capture_entries(amount: int) -> dict[Account, int]:
    """Return the double entry of a capture."""
    return {Account.PROVIDER: amount, Account.SALES: -amount}


def refund_entries(amount: int) -> dict[Account, int]:
    """Return the double entry of a refund."""
    return {Account.REFUNDS: amount, Account.PROVIDER: -amount}
