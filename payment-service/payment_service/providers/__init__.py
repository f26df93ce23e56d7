"""Payment providers: the port in `port`, and one package for each provider."""

import logging
from importlib import import_module
from typing import cast

from flask import Flask

from payment_service.config import SANDBOX, Config
from payment_service.providers.port import Provider

_PROVIDER = "payment_provider"

logger = logging.getLogger(__name__)


def warn_of_sandbox(config: Config) -> None:
    """Log that no money moves where customers may believe that they pay."""
    if config.platform_env == "production" and config.payment_provider == SANDBOX:
        logger.warning("payments go to the sandbox, no money moves: set PAYMENT_PROVIDER")


def load_provider(config: Config) -> Provider:
    """Make the provider whose class `PAYMENT_PROVIDER` names; opens no connection."""
    module, _, name = config.payment_provider.rpartition(".")
    return cast(Provider, getattr(import_module(module), name).from_config(config))


def current_provider(app: Flask) -> Provider:
    """Return the app's provider, made at the first call: only a worker ever asks for it."""
    if _PROVIDER not in app.extensions:
        app.extensions[_PROVIDER] = load_provider(app.config["SETTINGS"])
    return cast(Provider, app.extensions[_PROVIDER])
