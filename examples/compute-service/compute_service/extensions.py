from sqlalchemy.orm import DeclarativeBase

from chassis.base_model import BaseModel, service_metadata
from chassis.database import create_database


class Base(BaseModel, DeclarativeBase):
    """Parent of this service's models."""

    metadata = service_metadata()


db = create_database(Base.metadata)
