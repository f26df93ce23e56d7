"""Background work of user-service."""

import logging

from chassis.database import transaction
from chassis.tasks import Periodic, create_celery
from user_service.services import revocations, verifications
from user_service.services.signing_keys import purge_retired_keys
from user_service.wiring import ports

logger = logging.getLogger(__name__)
celery = create_celery("users")


@celery.task(name=revocations.DENY_TOKENS_TASK)
def deny_tokens(token_ids: list[str]) -> None:
    """Refuse access tokens whose session ended, in case the web process could not."""
    revocations.deny_tokens(token_ids)


@celery.task(name="users.rotate_keys")
def rotate_keys() -> None:
    """Publish a successor once the newest signing key is old enough, and forget retired ones."""
    ports().keyring.rotate_if_due()
    with transaction() as session:
        purge_retired_keys(session)


@celery.task(name=verifications.UNKNOWN_RECEIVER_TASK)
def note_unknown_receiver(verification_id: str, purpose: str, channel: str) -> None:
    """Log that nobody gets a code: many of these are somebody who looks for accounts."""
    fields = {"verification_id": verification_id, "purpose": purpose, "channel": channel}
    logger.info("code asked for a receiver without account", extra=fields)


@celery.task(name="users.purge_verifications")
def purge_verifications() -> None:
    """Delete verifications of more than a day ago."""
    with transaction() as session:
        verifications.purge_verifications(session)


@celery.task(name="users.purge_sessions")
def purge_sessions() -> None:
    """Delete sessions that expired a week ago."""
    with transaction() as session:
        revocations.purge_sessions(session)


SCHEDULE = [
    Periodic("users.rotate_keys", every=3600.0),
    Periodic("users.purge_sessions", every=3600.0),
    Periodic("users.purge_verifications", every=3600.0),
]
