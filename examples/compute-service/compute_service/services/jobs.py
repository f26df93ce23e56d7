"""Jobs: taken, worked out by the worker, and looked at."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from chassis import clock
from chassis.messaging import outbox
from compute_service.models.arithmetic import Operation
from compute_service.models.errors import JobNotFound
from compute_service.models.jobs import Job
from compute_service.services.mails import tell_caller

RUN = "compute.run"
BATCH = 100


@dataclass(frozen=True, kw_only=True)
class NewJob:
    """What is asked for. email: who is told."""

    owner_id: UUID
    operation: Operation
    value: int
    other: int
    email: str


def submit_job(session: Session, new: NewJob) -> Job:
    """Take a job; its task is sent when the transaction commits."""
    job = Job(
        owner_id=new.owner_id,
        operation=new.operation,
        value=new.value,
        other=new.other,
        email=new.email,
    )
    session.add(job)
    session.flush()
    outbox.enqueue(session, RUN, job_id=str(job.id))
    return job


def select_jobs(owner: UUID | None) -> Select[tuple[Job]]:
    """Return the query for a list. owner: whose jobs may be seen; None: everybody's."""
    found = select(Job)
    return found if owner is None else found.where(Job.owner_id == owner)


def get_job(session: Session, job_id: UUID, owner: UUID | None) -> Job:
    """Return a job; raises JobNotFound, also for somebody else's."""
    found = session.scalars(select_jobs(owner).where(Job.id == job_id)).one_or_none()
    if found is None:
        raise JobNotFound
    return found


def start_job(session: Session, job_id: UUID) -> None:
    """Show that a worker has the job. Locks: the job."""
    job = _lock(session, job_id)
    if not job.finished:
        job.start()


def finish_job(session: Session, job_id: UUID) -> None:
    """Work the job out and tell its caller; does nothing the second time. Locks: the job."""
    job = _lock(session, job_id)
    if job.finished:
        return
    job.finish(clock.now())
    tell_caller(session, job)


def overdue_jobs(session: Session, patience: timedelta) -> list[UUID]:
    """Return the oldest jobs that should have been finished by now."""
    overdue = Job.finished_at.is_(None) & (Job.created_at < clock.now() - patience)
    return list(session.scalars(select(Job.id).where(overdue).order_by(Job.id).limit(BATCH)))


def _lock(session: Session, job_id: UUID) -> Job:
    found = session.get(Job, job_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise JobNotFound
    return found
