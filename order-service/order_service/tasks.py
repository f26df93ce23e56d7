from chassis.database import transaction
from chassis.tasks import Periodic, create_celery
from order_service.services.orders import EXPIRY_BATCH, expire_due_orders

celery = create_celery("orders")


@celery.task(name="orders.expire_orders")
def expire_orders() -> None:
    """End orders whose deadline has passed, in short transactions."""
    while True:
        with transaction() as session:
            expired = expire_due_orders(session)
        if expired < EXPIRY_BATCH:
            return


SCHEDULE = [Periodic("orders.expire_orders", every=5.0)]
