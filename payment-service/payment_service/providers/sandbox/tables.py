"""The sandbox's own books: the outside witness that the audit compares our payments with.

They stand in the same database for convenience, and nothing else is shared: no foreign key leads in
or out, and they are only written through the sandbox's own connection and transaction.
"""

from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Table,
    Text,
    func,
)

from payment_service.extensions import Base


class Outcome(StrEnum):
    APPROVED = "approved"
    DECLINED = "declined"
    ACTION_REQUIRED = "action_required"
    # Refused in advance: no later call with this key has an effect.
    CLOSED = "closed"


# One row for each charge or authorization that was approved.
charges = Table(
    "sandbox_charges",
    Base.metadata,
    Column("reference", Text, primary_key=True),
    Column("merchant_reference", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("authorized", BigInteger, nullable=False),
    Column("captured", BigInteger, nullable=False),
    Column("refunded", BigInteger, nullable=False),
    Column("open", Boolean, nullable=False),  # still held: neither captured nor released
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("captured BETWEEN 0 AND authorized", name="captured"),
    CheckConstraint("refunded BETWEEN 0 AND captured", name="refunded"),
    Index("ix_sandbox_charges_merchant_reference", "merchant_reference"),
)

# One row for each idempotency key that was ever used, with the answer it gets for ever.
requests = Table(
    "sandbox_requests",
    Base.metadata,
    Column("key", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reference", Text),
    Column("code", Text),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

# The customer's confirmations that were asked for; each can be used for one charge.
actions = Table(
    "sandbox_actions",
    Base.metadata,
    Column("reference", Text, primary_key=True),
    Column("used_by", Text),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
