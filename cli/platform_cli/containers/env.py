"""`.env`: generated secrets and where their files lie; what is there already stays."""

import os
import re
import secrets
from pathlib import Path

from platform_cli.env_file import read_env_file
from platform_cli.folders import ROOT

FOLDER = "SECRETS_FOLDER"
COMPOSE_FILE = ROOT / "docker-compose.yml"
_SECRETS = (
    "SECRET_KEY",
    "ADMIN_PASSWORD",
    "SANDBOX_WEBHOOK_SECRET",
    "REDIS_PASSWORD",
    "RABBITMQ_PASSWORD",
    "GRAFANA_PASSWORD",
)
_HEAD = "# Made by ./platform init. Keep it secret, keep it: the data is encrypted with it."


def services(compose: Path = COMPOSE_FILE) -> list[str]:
    """Return the names of the services whose databases docker-compose.yml has a secret for."""
    text = compose.read_text(encoding="utf-8")
    return re.findall(r"^  ([a-z0-9]+)_database_url:", text, re.MULTILINE)


def secret_names() -> tuple[str, ...]:
    """Return the names of all generated values."""
    return (*_SECRETS, *(f"{name.upper()}_DATABASE_PASSWORD" for name in services()))


def complete(file: Path) -> dict[str, str]:
    """Return the values of `file`, after writing those that it lacks to its end.

    So that what a newer version needs is added, and nothing that a running platform uses changes.
    Raises PlatformError where a line is no `NAME=value`.
    """
    text = file.read_text(encoding="utf-8") if file.exists() else f"{_HEAD}\n"
    known = read_env_file(file) if file.exists() else {}
    # Compose takes a relative path from its own file, which is beside the usual .env only.
    folder = (
        "./secrets" if file.parent.resolve() == ROOT else str(file.parent.resolve() / "secrets")
    )
    # Hexadecimal: a password has to fit into URLs, into Redis' and into RabbitMQ's configuration.
    wanted = {FOLDER: folder, **{name: secrets.token_hex(24) for name in secret_names()}}
    # Of a name that is there twice the last one holds, for Compose as well as here.
    added = {name: value for name, value in wanted.items() if not known.get(name)}
    if added:
        ending = "" if text.endswith("\n") else "\n"
        lines = "".join(f"{name}={value}\n" for name, value in added.items())
        write(file, text + ending + lines, mode=0o600)
    return {**known, **added}


def write(file: Path, text: str, *, mode: int) -> None:
    """Put `text` into `file` at once: a crash leaves the old file or the new one, never a half."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        os.fchmod(descriptor, mode)
        stream.write(text)
        stream.flush()
        os.fsync(descriptor)
    draft.replace(file)
