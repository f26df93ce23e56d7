"""The worker's part that sends, and what is done from time to time."""

import logging
import threading
from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, uuid5

from flask import Flask
from sqlalchemy.exc import OperationalError, TimeoutError

from chassis import clock
from chassis.database import transaction
from chassis.messaging import inbox
from chassis.tasks import Periodic, create_celery
from notification_service.models.receivers import Channel
from notification_service.services import housekeeping, receipts
from notification_service.services.addressees import read_receivers
from notification_service.services.delivery import Delivery
from notification_service.services.engine import Engine
from notification_service.services.policy import Timing
from notification_service.services.submit import Submission, submit
from notification_service.wiring import carriers, policy

logger = logging.getLogger(__name__)

celery = create_celery("notifications")
SEND_EMAIL, SEND_SMS = "notifications.send_email", "notifications.send_sms"
_FOR_OTHERS: dict[str, Any] = {
    "rpc": True,
    "idempotent": True,
    # The service that asked does not ask again: a database that is away must not lose its message.
    "autoretry_for": (OperationalError, TimeoutError),
    "retry_backoff": 2,
    "retry_backoff_max": 60,
    "max_retries": None,
}


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


class Asked(NamedTuple):
    """What another service wants to be sent."""

    receivers: list[str]
    template: str
    params: dict[str, str]
    locale: str | None


@celery.task(name=SEND_EMAIL, **_FOR_OTHERS)
def send_email(
    key: str,
    receivers: list[str],
    template: str,
    params: dict[str, str],
    locale: str | None = None,
) -> list[str]:
    """Send a mail to each receiver; the same key sends it once. Returns the messages' ids.

    For other services: `remote("notifications.send_email").enqueue(session, key=...)`. The second
    time none are returned. Raises what `submit` does, and ReceiversInvalid.
    """
    asked = Asked(receivers, template, params, locale)
    return _send_once(SEND_EMAIL, key, Channel.EMAIL, asked)


@celery.task(name=SEND_SMS, **_FOR_OTHERS)
def send_sms(
    key: str,
    receivers: list[str],
    template: str,
    params: dict[str, str],
    locale: str | None = None,
) -> list[str]:
    """Send an SMS to each mobile number, as `send_email` does to addresses."""
    return _send_once(SEND_SMS, key, Channel.SMS, Asked(receivers, template, params, locale))


def _send_once(task: str, key: str, channel: Channel, asked: Asked) -> list[str]:
    with transaction() as session:
        if not inbox.remember(session, task, uuid5(NAMESPACE_URL, key)):
            return []
        submission = Submission(
            channel=channel,
            template=asked.template,
            params=asked.params,
            addressees=read_receivers(policy(), channel, asked.receivers),
            locale=asked.locale,
        )
        return [str(message.id) for message in submit(session, policy(), submission)]


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
