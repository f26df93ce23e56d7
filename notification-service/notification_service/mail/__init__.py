"""Mails: the port in `port`, a module for each transport, the message itself in `compose`."""

from collections.abc import Mapping
from importlib import import_module
from typing import cast

from notification_service.mail.port import MailTransport


def load_transport(path: str, settings: Mapping[str, str]) -> MailTransport:
    """Make the transport that `path` names as `package.module:Class`; opens no connection.

    settings: values by the names of their variables. Raises ValueError.
    """
    module, _, name = path.partition(":")
    try:
        found = getattr(import_module(module), name)
        return cast(MailTransport, found.from_settings(settings))
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{path}: {error}") from error
