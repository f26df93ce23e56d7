"""Services that `up --with FOLDER` adds to the platform's own; each folder has a platform.toml.

[service]
name = "compute"              # /api/compute, database compute, variable COMPUTE_URL
package = "compute_service"   # importable from the folder
port = 5010                   # where the gateway has 5000; it moves along with --port

[services.compute]            # from here on as in the gateway's route table
prefix = "/api/compute"
upstream = "COMPUTE_URL"
"""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platform_cli.credentials import SERVICES
from platform_cli.errors import PlatformError

MANIFEST = "platform.toml"
DEFAULT_BASE = 5000
# A service's worker tells its health 100 above its web; our own take the first offsets.
_OFFSETS = range(len(SERVICES) + 1, 100)
_NAME = re.compile(r"[a-z][a-z0-9]*")
_PACKAGE = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class AddedService:
    """One folder's service. offset: of its port above the gateway's. routes: lines of TOML."""

    folder: Path
    name: str
    package: str
    offset: int
    routes: str


def read_added(folders: Iterable[str]) -> tuple[AddedService, ...]:
    """Read the manifests; raises PlatformError naming the file and what is wrong with it."""
    found: list[AddedService] = []
    for folder in folders:
        one = _read(Path(folder) / MANIFEST)
        for other in found:
            if one.name == other.name or one.offset == other.offset:
                raise PlatformError(f"{one.folder} and {other.folder} have the same name or port")
        found.append(one)
    return tuple(found)


def _read(file: Path) -> AddedService:
    try:
        text = file.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise PlatformError(f"--with {file.parent}: {error}") from error

    def refuse(problem: str) -> PlatformError:
        return PlatformError(f"{file}: {problem}")

    service = document.get("service")
    if not isinstance(service, dict) or set(service) != {"name", "package", "port"}:
        raise refuse("[service] must have name, package and port")
    name, package = _text(service["name"]), _text(service["package"])
    if not _NAME.fullmatch(name) or name in SERVICES:
        raise refuse("name must be lower-case letters and digits, and not one of the platform's")
    if not _PACKAGE.fullmatch(package) or not (file.parent / package / "__init__.py").is_file():
        raise refuse("package must be importable from this folder")
    port = service["port"]
    if type(port) is not int or port - DEFAULT_BASE not in _OFFSETS:
        lowest, highest = DEFAULT_BASE + _OFFSETS.start, DEFAULT_BASE + _OFFSETS.stop - 1
        raise refuse(f"port must be {lowest} to {highest}")
    if set(document) != {"service", "services"} or set(document["services"]) != {name}:
        raise refuse(f"beside [service] there must be [services.{name}], as in a route table")
    return AddedService(file.parent, name, package, port - DEFAULT_BASE, _routes(text))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _routes(text: str) -> str:
    """Return the part that belongs into the route table, as it was written."""
    lines = text.splitlines(keepends=True)
    first = next(at for at, line in enumerate(lines) if re.match(r"\s*\[+\s*services\b", line))
    return "".join(lines[first:])


def compose_routes(table: Path, added: Iterable[AddedService], target: Path) -> None:
    """Write a route table with the entries of added services behind those of `table`."""
    try:
        parts = [table.read_text(encoding="utf-8"), *(one.routes for one in added)]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("\n".join(parts), encoding="utf-8")
    except OSError as error:
        raise PlatformError(f"the gateway's routes: {error}") from error
