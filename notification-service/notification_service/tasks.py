"""The worker's part that sends, and what is done from time to time."""

import logging
import threading
from collections.abc import Callable

from flask import Flask

from chassis import clock
from chassis.database import transaction
from chassis.tasks import Periodic, create_celery
from notification_service.services import housekeeping, receipts
from notification_service.services.delivery import Delivery
from notification_service.services.engine import Engine
from notification_service.services.policy import Timing
from notification_service.wiring import carriers, policy

logger = logging.getLogger(__name__)

celery = create_celery("notifications")


def deliver(app: Flask, stop: threading.Event, beat: Callable[[], None]) -> None:
    """Send messages until `stop`, in a thread of the worker and those that it starts."""
    config = app.config["SETTINGS"]
    if config.production and "console" in config.sms_providers[0] + config.mail_transport:
        logger.warning("messages go nowhere: SMS_PROVIDERS or MAIL_TRANSPORT is the console")
    timing = Timing.from_config(config)
    engine = Engine(
        Delivery(policy(app), carriers(app), timing),
        timing,
        app.app_context,
        threads=config.delivery_threads,
        poll=config.delivery_poll,
    )
    engine.run(stop, beat)


@celery.task(name="notifications.match_receipts")
def match_receipts() -> None:
    """Apply receipts that came before their message knew its provider's id."""
    with transaction() as session:
        receipts.match_parked(session, clock.now())


@celery.task(name="notifications.forget")
def forget() -> None:
    """Forget what is kept no longer: contents, the inbox, news that nobody can be told."""
    with transaction() as session:
        housekeeping.forget(session, policy(), clock.now())


SCHEDULE = [
    Periodic("notifications.match_receipts", every=5.0),
    Periodic("notifications.forget", every=300.0),
]
PARTS = {"delivery": deliver}
