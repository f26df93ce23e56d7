"""SMS providers: the port in `port`, one module for each provider, their signers in `signing`."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import cast

from notification_service.providers.port import SmsProvider


def load_providers(paths: Sequence[str], settings: Mapping[str, str]) -> list[SmsProvider]:
    """Make the providers that `paths` name as `package.module:Class`; opens no connection.

    settings: values by the names of their variables. Raises ValueError with the problems of all.
    """
    made, problems = [], []
    for path in paths:
        module, _, name = path.partition(":")
        try:
            found = getattr(import_module(module), name)
            made.append(cast(SmsProvider, found.from_settings(settings)))
        except (ImportError, AttributeError, ValueError) as error:
            problems.append(f"{path}: {error}")
    if problems:
        raise ValueError("; ".join(problems))
    return made
