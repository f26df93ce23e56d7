"""The columns and naming that all models of all services share."""

from datetime import datetime
from uuid import UUID

import uuid_utils.compat
from sqlalchemy import DateTime, MetaData, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from chassis import clock
from chassis.messaging.tables import chassis_tables

# Alembic can only drop or alter what has a name, and a violated constraint is recognised by it.
NAMING_CONVENTION = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def new_id() -> UUID:
    """Return a UUIDv7: unique everywhere, and close to insertion order in an index (RFC 9562)."""
    return uuid_utils.compat.uuid7()


def service_metadata() -> MetaData:
    """Return the metadata of one service: the naming convention and the chassis' own tables."""
    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    for table in chassis_tables.sorted_tables:
        table.to_metadata(metadata)
    return metadata


class BaseModel:
    """Mixin for a service's declarative base: UUIDv7 id and the two timestamps.

    The timestamps come from `chassis.clock` rather than the server, so that a test can move time.
    """

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True, default=new_id, sort_order=-10)
    created_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), default=clock.now, sort_order=900
    )
    updated_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), default=clock.now, onupdate=clock.now, sort_order=901
    )
