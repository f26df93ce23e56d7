"""What the echo service has heard."""

from sqlalchemy import Text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from chassis.base_model import BaseModel, service_metadata
from chassis.database import create_database
from chassis.request_id import current_request_id


class Base(BaseModel, DeclarativeBase):
    """Declarative base of the echo service."""

    metadata = service_metadata()


db = create_database(Base.metadata)


class Heard(Base):
    """Something heard, and the id of the request behind it."""

    __tablename__ = "heard"

    what: Mapped[str] = mapped_column(Text)
    request_id: Mapped[str | None] = mapped_column(Text)


def hear(session: Session, what: str) -> None:
    """Write down what was heard."""
    session.add(Heard(what=what, request_id=current_request_id()))
