"""What the worker does; `rpc=True` opens a task to other services."""

from datetime import timedelta
from uuid import UUID

from chassis.app import settings
from chassis.database import transaction
from chassis.tasks import Periodic, create_celery
from compute_service.models.arithmetic import Operation, calculate, written
from compute_service.models.errors import UnknownOperation
from compute_service.services import jobs

celery = create_celery("compute")


@celery.task(name="compute.add", rpc=True, idempotent=True)
def add(value: int, other: int) -> int:
    """Add two numbers."""
    return value + other


@celery.task(name="compute.calculate", rpc=True, idempotent=True)
def calculate_now(operation: str, value: int, other: int) -> str:
    """Work out sum, sub, mul or div; the result is text, as quotients do not fit into JSON."""
    if operation not in list(Operation):
        raise UnknownOperation
    return written(calculate(Operation(operation), value, other))


@celery.task(name=jobs.RUN)
def run(job_id: str) -> None:
    """Do one job; a second run of the same task finds nothing to do."""
    _do(UUID(job_id))


@celery.task(name="compute.sweep")
def sweep() -> None:
    """Do what lost tasks have left undone."""
    patience = timedelta(seconds=settings().compute_patience)
    with transaction() as session:
        overdue = jobs.overdue_jobs(session, patience)
    for job_id in overdue:
        _do(job_id)


def _do(job_id: UUID) -> None:
    # Two transactions, so that others see the first step before the second is made.
    with transaction() as session:
        jobs.start_job(session, job_id)
    with transaction() as session:
        jobs.finish_job(session, job_id)


SCHEDULE = [Periodic("compute.sweep", every=10.0)]
