from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Index, Numeric, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from compute_service.extensions import Base
from compute_service.models.arithmetic import SIGNS, Operation, calculate, written
from compute_service.models.errors import DivisionByZero


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


# Percent of the way. Work of several steps would count them in a column of its own.
_PROGRESS = {JobState.QUEUED: 0, JobState.RUNNING: 50, JobState.DONE: 100, JobState.FAILED: 100}
_STATES = ", ".join(f"'{state}'" for state in JobState)
_OPERATIONS = ", ".join(f"'{operation}'" for operation in Operation)


class Job(Base):
    """One computation that somebody asked for, and what came of it."""

    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint(f"state IN ({_STATES})", name="state"),
        CheckConstraint(f"operation IN ({_OPERATIONS})", name="operation"),
        CheckConstraint("(state = 'done') = (result IS NOT NULL)", name="result"),
        CheckConstraint("(state = 'failed') = (error_code IS NOT NULL)", name="error"),
        Index("ix_jobs_owner_id_id", "owner_id", "id"),
        # Small, whatever the table's size: the sweep looks at unfinished jobs only.
        Index("ix_jobs_unfinished", "id", postgresql_where=text("finished_at IS NULL")),
    )

    owner_id: Mapped[UUID]
    operation: Mapped[str] = mapped_column(String(3))
    value: Mapped[int] = mapped_column(BigInteger)
    other: Mapped[int] = mapped_column(BigInteger)
    email: Mapped[str] = mapped_column(String(254))
    state: Mapped[str] = mapped_column(String(10), default=JobState.QUEUED)
    result: Mapped[Decimal | None] = mapped_column(Numeric)
    error_code: Mapped[str | None] = mapped_column(String(60))
    error_message: Mapped[str | None] = mapped_column(Text)
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    @property
    def finished(self) -> bool:
        """Tell whether nothing will change any more."""
        return self.finished_at is not None

    @property
    def progress(self) -> int:
        """Percent of the way."""
        return _PROGRESS[JobState(self.state)]

    @property
    def answer(self) -> str | None:
        """The result in digits, or None."""
        return None if self.result is None else written(self.result)

    @property
    def error(self) -> dict[str, str] | None:
        """Why there is no result, or None."""
        if self.error_code is None:
            return None
        return {"code": self.error_code, "message": self.error_message or ""}

    @property
    def question(self) -> str:
        """What was asked, as people write it: `7 ÷ 2`."""
        return f"{self.value} {SIGNS[Operation(self.operation)]} {self.other}"

    def start(self) -> None:
        """Note that a worker has it."""
        self.state = JobState.RUNNING

    def finish(self, now: datetime) -> None:
        """Work it out, and keep the result or the error."""
        try:
            self.result = calculate(Operation(self.operation), self.value, self.other)
            self.state = JobState.DONE
        except DivisionByZero as error:
            self.error_code, self.error_message = error.code, error.message
            self.state = JobState.FAILED
        self.finished_at = now
