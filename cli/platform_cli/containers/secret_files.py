"""The files below SECRETS_FOLDER that docker-compose.yml mounts, made of the values of `.env`."""

import re
from collections.abc import Mapping
from pathlib import Path

from platform_cli.containers.certificate import self_signed
from platform_cli.containers.env import secret_names, services, write
from platform_cli.errors import PlatformError

# Without characters that would have to be quoted in a URL or in a configuration file.
_PLAIN = re.compile(r"[A-Za-z0-9._~-]+")
# People type these; they stand alone in their files.
_TYPED = ("ADMIN_PASSWORD", "GRAFANA_PASSWORD")


def write_all(folder: Path, values: Mapping[str, str]) -> None:
    """Write every file that is missing or says something else; a certificate stays as it is.

    The folder is its owner's alone; the files are for everybody, because the users inside the
    containers are not the one outside. Raises PlatformError for a password that does not fit.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    texts = contents(values)
    if not (folder / "tls.key").exists() and not (folder / "tls.crt").exists():
        texts["tls.crt"], texts["tls.key"] = self_signed("localhost")
    for name, text in texts.items():
        file = folder / name
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            write(file, text, mode=0o444)


def contents(values: Mapping[str, str]) -> dict[str, str]:
    """Return the text of each file by its name, without the certificate's."""
    passwords = [name for name in secret_names() if name.endswith("_PASSWORD")]
    unfit = [
        name for name in passwords if name not in _TYPED and not _PLAIN.fullmatch(values[name])
    ]
    if unfit:
        raise PlatformError(f"letters, digits and ._~- only, please: {', '.join(unfit)}")
    redis, rabbitmq = values["REDIS_PASSWORD"], values["RABBITMQ_PASSWORD"]
    texts = {
        "secret_key": values["SECRET_KEY"],
        "sandbox_webhook_secret": values["SANDBOX_WEBHOOK_SECRET"],
        "redis_url": f"redis://:{redis}@redis:6379/0",
        "redis.conf": f"requirepass {redis}\n",
        "broker_url": f"amqp://platform:{rabbitmq}@rabbitmq:5672/",
        "rabbitmq.conf": f"default_user = platform\ndefault_pass = {rabbitmq}\n",
    }
    texts |= {name.lower(): values[name] for name in passwords if name != "RABBITMQ_PASSWORD"}
    for service in services():
        password = values[f"{service.upper()}_DATABASE_PASSWORD"]
        url = f"postgresql+psycopg2://{service}:{password}@{service}-db:5432/{service}"
        texts[f"{service}_database_url"] = url
    return texts
