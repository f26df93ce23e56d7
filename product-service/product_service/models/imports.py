"""Import jobs: the database is the memory of the work, the task queue only the wake-up call."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.exceptions import FieldError
from product_service.extensions import Base


@dataclass(frozen=True)
class ImportRow:
    """A row of the file that has the right form; `category` is a slug, `columns` of Product."""

    number: int
    sku: str
    columns: dict[str, Any]
    category: str | None
    stock: int


@dataclass(frozen=True)
class BadRow:
    """A row of the file that cannot be imported, and why."""

    number: int
    sku: str
    errors: Sequence[FieldError]


class ImportStatus(StrEnum):
    """`completed` says that every row was looked at, not that every row was good."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"


class ImportJob(Base):
    """One uploaded file and how far it has come; `processed_rows` is where a new worker goes on."""

    __tablename__ = "import_jobs"
    __table_args__ = (
        CheckConstraint("status IN ('queued', 'running', 'completed')", name="status_is_known"),
        CheckConstraint(
            "processed_rows = created_rows + updated_rows + unchanged_rows + failed_rows",
            name="rows_add_up",
        ),
        Index(
            "ix_import_jobs_open", "heartbeat_at", postgresql_where=text("status <> 'completed'")
        ),
    )

    status: Mapped[str] = mapped_column(Text)
    # The file itself, until it is done: a worker that takes over needs it.
    source: Mapped[str | None] = mapped_column(Text, deferred=True)
    created_by: Mapped[UUID]
    total_rows: Mapped[int]
    processed_rows: Mapped[int] = mapped_column(default=0)
    created_rows: Mapped[int] = mapped_column(default=0)
    updated_rows: Mapped[int] = mapped_column(default=0)
    unchanged_rows: Mapped[int] = mapped_column(default=0)
    failed_rows: Mapped[int] = mapped_column(default=0)
    heartbeat_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


import_errors = Table(
    "import_errors",
    Base.metadata,
    Column("job_id", Uuid, ForeignKey("import_jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("row_number", Integer, primary_key=True),
    Column("sku", Text, nullable=False),
    Column("errors", JSONB, nullable=False),
)
