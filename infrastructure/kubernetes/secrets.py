"""Print the Secrets that the manifests refer to, from the folder that `./platform init` has filled.

    ./platform init && python infrastructure/kubernetes/secrets.py | kubectl apply -f -

For a start. Whoever keeps secrets elsewhere makes Secrets of the same names and keys from there.
"""

import argparse
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_SUFFIX = "_database_url"
_BASIC = "kubernetes.io/basic-auth"


def main() -> None:
    """Print one List with everything, as JSON, which kubectl reads as well."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path("secrets"))
    parser.add_argument("--namespace", default="platform")
    parser.add_argument("--admin-email", default="admin@example.com")
    asked = parser.parse_args()
    items = secrets(asked.folder, asked.namespace, asked.admin_email)
    print(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=1))


def secrets(folder: Path, namespace: str, admin_email: str) -> list[dict[str, Any]]:
    """Return all Secrets. folder: as `./platform init` makes it; raises OSError where it lacks."""
    files = {file.name: file.read_text(encoding="utf-8").strip() for file in folder.iterdir()}
    # With its namespace, because KEDA asks from another one.
    broker = files["broker_url"].replace("@rabbitmq:", f"@rabbitmq.{namespace}.svc:")
    user = urlsplit(broker)
    found = {
        "platform-secrets": {**_some(files, "secret_key", "redis_url"), "broker_url": broker},
        "redis-secrets": _some(files, "redis_password", "redis.conf"),
        "first-administrator": {"email": admin_email, **_some(files, "admin_password")},
        # The keys that the cluster operator asks for.
        "rabbitmq-credentials": {
            "default_user.conf": files["rabbitmq.conf"] + "\n",
            "username": user.username or "",
            "password": user.password or "",
            "host": user.hostname or "",
            "port": "5672",
            "provider": "rabbitmq",
            "type": "rabbitmq",
        },
    }
    for name in sorted(one.removesuffix(_SUFFIX) for one in files if one.endswith(_SUFFIX)):
        found |= _of_service(name, files)
    return [_secret(name, namespace, data) for name, data in found.items()]


def _of_service(name: str, files: dict[str, str]) -> dict[str, dict[str, str]]:
    url, host = files[name + _SUFFIX], f"@{name}-db:"
    urls = {
        # The primary itself, and the pooler in front of it.
        "database_url": url.replace(host, f"@{name}-db-rw:"),
        "pooled_database_url": url.replace(host, f"@{name}-pooler:"),
    }
    if name == "payments":
        urls |= _some(files, "sandbox_webhook_secret")
    owner = {"username": name, "password": files[f"{name}_database_password"]}
    return {f"{name}-secrets": urls, f"{name}-database-owner": owner}


def _some(files: dict[str, str], *names: str) -> dict[str, str]:
    return {name: files[name] for name in names}


def _secret(name: str, namespace: str, data: dict[str, str]) -> dict[str, Any]:
    basic = set(data) == {"username", "password"}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        **({"type": _BASIC} if basic else {}),
        "stringData": data,
    }


if __name__ == "__main__":
    main()
