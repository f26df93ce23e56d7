"""Celery tasks: the hints that make operations happen soon; the sweep makes them happen at all."""

from datetime import timedelta
from uuid import UUID

from flask import current_app

from chassis.app import settings
from chassis.tasks import Periodic, create_celery
from payment_service.config import Config
from payment_service.providers import current_provider
from payment_service.services import execution
from payment_service.services.operations import Timing

celery = create_celery("payments")


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
    """Do what lost tasks have left undone, and look up what has no known outcome."""
    execution.sweep(current_provider(current_app), timing(settings()))


SCHEDULE = [Periodic("payments.sweep", every=2.0)]
