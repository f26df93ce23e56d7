"""The unbound extensions of this service; `create_service` binds them to an app."""

from sqlalchemy.orm import DeclarativeBase

from chassis.base_model import BaseModel, service_metadata
from chassis.database import create_database


class Base(BaseModel, DeclarativeBase):
    """Declarative base of user-service's tables."""

    metadata = service_metadata()


db = create_database(Base.metadata)
