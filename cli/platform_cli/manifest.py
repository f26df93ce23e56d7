"""A service's platform.toml: its name, its package and its port.

[service]
name = "compute"              # /api/compute, database compute, variable COMPUTE_URL
package = "compute_service"   # importable from the folder
port = 5010                   # where the gateway has 5000; it moves along with --port

A folder `*-service` at the root that has one is a service of the platform itself; `up --with`
adds other folders.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from platform_cli.errors import PlatformError
from platform_cli.folders import ROOT

MANIFEST = "platform.toml"
DEFAULT_BASE = 5000
# A service's worker tells its health 100 above its web.
WORKER_OFFSET = 100
_NAME = re.compile(r"[a-z][a-z0-9]*")
_PACKAGE = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Manifest:
    """One service. text, document: the whole file, as it was written and as TOML reads it."""

    folder: Path
    name: str
    package: str
    port: int
    text: str
    document: Mapping[str, Any]

    @property
    def offset(self) -> int:
        """How far its port is above the gateway's."""
        return self.port - DEFAULT_BASE

    def refuse(self, problem: str) -> PlatformError:
        """Return the error that names this file and what is wrong with it."""
        return PlatformError(f"{self.folder / MANIFEST}: {problem}")


def read_manifest(folder: Path) -> Manifest:
    """Read a folder's manifest; raises PlatformError naming the file and what is wrong with it."""
    file = folder / MANIFEST
    text = file.read_text(encoding="utf-8")
    try:
        document = tomllib.loads(text)
    except ValueError as error:
        raise PlatformError(f"{file}: {error}") from error
    service = document.get("service")
    if not isinstance(service, dict) or set(service) != {"name", "package", "port"}:
        raise PlatformError(f"{file}: [service] must have name, package and port")
    name, package, port = _text(service["name"]), _text(service["package"]), service["port"]
    manifest = Manifest(
        folder, name, package, port if type(port) is int else 0, text=text, document=document
    )
    if not _NAME.fullmatch(name):
        raise manifest.refuse("name must be lower-case letters and digits")
    if not _PACKAGE.fullmatch(package) or not (folder / package / "__init__.py").is_file():
        raise manifest.refuse("package must be importable from this folder")
    return manifest


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


# The ports that services can have.
PORTS = range(DEFAULT_BASE + 1, DEFAULT_BASE + WORKER_OFFSET)


@cache
def own_services(root: Path = ROOT) -> tuple[Manifest, ...]:
    """Return the services of the platform itself, in the order of their ports.

    Raises PlatformError where two of them have the same name or port.
    """
    folders = [file.parent for file in root.glob(f"*-service/{MANIFEST}")]
    found = sorted((read_manifest(folder) for folder in folders), key=lambda one: one.port)
    for one, other in pairwise(found):
        if one.port == other.port:
            raise one.refuse(f"{other.folder.name} has the same port")
    if len({one.name for one in found}) != len(found):
        raise PlatformError("two services have the same name; see their platform.toml")
    return tuple(found)


def port_offsets() -> tuple[int, ...]:
    """Return how far above the gateway's port the platform's own services take theirs."""
    webs = tuple(one.offset for one in own_services())
    return (0, *webs, *(offset + WORKER_OFFSET for offset in webs))


def own_names() -> tuple[str, ...]:
    """Return the names of the platform's own services, in the order of their ports."""
    return tuple(one.name for one in own_services())
