"""The service behind every gateway: one nginx worker, a server that waits a second, and a token."""

import json
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from platform_cli.bench.peers import FILES, fill
from platform_cli.child import Command
from platform_cli.ports import free_port, listens
from platform_cli.stores.launch import started

SMALL_BYTES = 1116
LARGE_BYTES = 1024 * 1024
_KEY_ID = "bench"


@dataclass(frozen=True)
class Upstream:
    """A running upstream; token: an access token that its JWKS verifies."""

    port: int
    pid: int
    token: str


@contextmanager
def running(folder: Path) -> Iterator[Upstream]:
    """Run the upstream with its files below `folder`."""
    port, slow_port = free_port(), free_port()
    token = _write_files(folder / "files")
    small = json.dumps({"success": True, "data": ""})
    small = small[:-2] + "x" * (SMALL_BYTES - len(small)) + small[-2:]
    values = {"port": port, "slow_port": slow_port, "small": small}
    config = fill(FILES / "upstream" / "nginx.conf", folder, values)
    nginx = Command(argv=("nginx", "-p", str(folder), "-e", "stderr", "-c", str(config)))
    slow = Command(argv=(sys.executable, "-I", str(FILES / "upstream/slow.py"), str(slow_port)))
    with (
        started(slow, lambda: listens(slow_port), folder / "slow.log"),
        started(nginx, lambda: listens(port), folder / "upstream.log") as process,
    ):
        yield Upstream(port, process.pid, token)


def _write_files(folder: Path) -> str:
    """Write the JWKS and the large answer; returns a token as user-service makes them."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = json.loads(RSAAlgorithm.to_jwk(key.public_key()))
    keys = {"keys": [{**public, "kid": _KEY_ID, "use": "sig", "alg": "RS256"}]}
    for path, content in (
        (".well-known/jwks.json", json.dumps(keys).encode()),
        ("api/products/large", secrets.token_bytes(LARGE_BYTES)),
    ):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    now = int(time.time())
    claims = {
        "sub": str(uuid4()),
        "roles": ["customer"],
        "iss": "platform",
        "aud": "platform",
        "iat": now,
        "exp": now + 6 * 3600,
        "jti": str(uuid4()),
        "type": "access",
    }
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": _KEY_ID})
