"""Celery tasks: the hints that make operations happen soon; the sweep makes them happen at all."""

import threading
from datetime import timedelta
from uuid import UUID

from flask import current_app

from chassis.app import settings
from chassis.database import transaction
from chassis.tasks import Periodic, create_celery
from payment_service.config import Config
from payment_service.providers import current_provider
from payment_service.services import execution, webhooks
from payment_service.services.operations import Timing

celery = create_celery("payments")

_sweeping = threading.Lock()


def timing(config: Config) -> Timing:
    """Return the waiting times of the settings."""
    return Timing(
        lease=timedelta(seconds=config.payment_lease),
        grace=timedelta(seconds=config.payment_unknown_grace),
        lookup_interval=timedelta(seconds=config.payment_lookup_interval),
        retry_limit=config.payment_retry_limit,
    )


@celery.task(name="payments.execute")
def execute(operation_id: str) -> None:
    """Do one operation at the provider; a second run of the same task finds nothing to do."""
    provider = current_provider(current_app)
    execution.execute_operation(UUID(operation_id), provider, timing(settings()))


@celery.task(name="payments.sweep")
def sweep() -> None:
    """Do what lost tasks have left undone, and look up what has no known outcome.

    One at a time in a worker: sweeps that a silent provider holds up would take every thread.
    """
    if not _sweeping.acquire(blocking=False):
        return
    try:
        execution.sweep(current_provider(current_app), timing(settings()))
    finally:
        _sweeping.release()


@celery.task(name="payments.forget_webhooks")
def forget_webhooks() -> None:
    """Forget webhooks that no provider sends again."""
    with transaction() as session:
        webhooks.forget_webhooks(session)


SCHEDULE = [
    Periodic("payments.sweep", every=2.0),
    Periodic("payments.forget_webhooks", every=3600.0),
]
