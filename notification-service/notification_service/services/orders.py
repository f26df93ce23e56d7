"""What orders are called in messages."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from chassis.base_model import new_id
from notification_service.models.orders import KnownOrder


def call_order(session: Session, order_id: UUID, number: str | None) -> str:
    """Return what customers call an order; its id while nobody has told.

    number: as an event tells it, remembered from then on; None: this one does not.
    """
    if number is not None:
        row = insert(KnownOrder).values(id=new_id(), order_id=order_id, number=number)
        session.execute(row.on_conflict_do_nothing())
        return number
    known = session.scalar(select(KnownOrder.number).where(KnownOrder.order_id == order_id))
    return known or str(order_id)
