"""Payment providers: the port in `port`, and one package for each provider."""

from importlib import import_module
from typing import cast

from flask import Flask

from payment_service.config import Config
from payment_service.providers.port import Provider

_PROVIDER = "payment_provider"


def load_provider(config: Config) -> Provider:
    """Make the provider whose class `PAYMENT_PROVIDER` names; opens no connection."""
    module, _, name = config.payment_provider.rpartition(".")
    return cast(Provider, getattr(import_module(module), name).from_config(config))


def current_provider(app: Flask) -> Provider:
    """Return the app's provider, made at the first call: only a worker ever asks for it."""
    if _PROVIDER not in app.extensions:
        app.extensions[_PROVIDER] = load_provider(app.config["SETTINGS"])
    return cast(Provider, app.extensions[_PROVIDER])
