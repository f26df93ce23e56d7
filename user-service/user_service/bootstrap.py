"""What has to exist before the first request: a signing key and the first administrator."""

import logging

from chassis.app import settings
from user_service.services.administration import create_first_admin
from user_service.wiring import ports

logger = logging.getLogger(__name__)


def run() -> None:
    """Make both unless they exist; safe with several replicas at once, and whenever repeated."""
    config = settings()
    ports().keyring.signing_key()
    if config.admin_email and create_first_admin(
        ports(), email=config.admin_email, password=config.admin_password
    ):
        logger.info("first administrator created")
