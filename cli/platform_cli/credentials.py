"""The secrets of one platform: made once at random, kept in a file that only its owner reads."""

import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from platform_cli.errors import PlatformError
from platform_cli.manifest import own_names

_SHARED = ("SECRET_KEY", "ADMIN_PASSWORD", "SANDBOX_WEBHOOK_SECRET")
_STORES = ("POSTGRES_PASSWORD", "REDIS_PASSWORD", "RABBITMQ_PASSWORD")


def secret_names(services: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the names of all secrets; services: those beside the platform's own."""
    passwords = (f"{name.upper()}_DATABASE_PASSWORD" for name in (*own_names(), *services))
    return (*_SHARED, *_STORES, *passwords)


# Read when this is imported, as the code beside those files is.
SERVICES = own_names()
NAMES = secret_names()


def load_or_create(file: Path, services: Iterable[str] = ()) -> dict[str, str]:
    """Return all secrets, adding those that the file does not have yet.

    services: those beside the platform's own that need a database password.
    """
    try:
        known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    except ValueError as error:
        raise PlatformError(f"{file} is damaged: {error}") from error
    missing = [name for name in dict.fromkeys(secret_names(services)) if name not in known]
    if missing:
        known |= {name: secrets.token_urlsafe(24) for name in missing}
        _write(file, known)
    return known


def _write(file: Path, values: dict[str, str]) -> None:
    # Written aside and moved, so that a crash leaves the old file or the new one, never a half.
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        json.dump(values, stream, indent=2)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(file)
