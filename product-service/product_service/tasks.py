"""Work outside requests: imports, and the sweeps that find what a dead process left behind."""

from uuid import UUID

from chassis.app import settings
from chassis.database import transaction
from chassis.tasks import Periodic, create_celery
from product_service.schemas.imports import FileRows
from product_service.services import imports
from product_service.services.reservations import expire_reservations

celery = create_celery("products")

EXPIRY_BATCH = 100


@celery.task(name=imports.RUN_IMPORT)
def run_import(job_id: str) -> None:
    """Go on with an import where it stands."""
    imports.run_import(transaction, UUID(job_id), FileRows)


@celery.task(name="products.resume_imports")
def resume_imports() -> None:
    """Start the imports again that make no progress."""
    with transaction() as session:
        imports.requeue_stale_imports(session, older_than=settings().import_stale_after)


@celery.task(name="products.expire_reservations")
def expire_due_reservations() -> None:
    """Return the stock of orders that were not paid in time, a batch in each transaction."""
    returned = EXPIRY_BATCH
    while returned == EXPIRY_BATCH:
        with transaction() as session:
            returned = expire_reservations(session, batch=EXPIRY_BATCH)


SCHEDULE = [
    Periodic("products.expire_reservations", every=5.0),
    Periodic("products.resume_imports", every=15.0),
]
