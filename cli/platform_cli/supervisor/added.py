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
from collections.abc import Iterable
from pathlib import Path

from platform_cli.errors import PlatformError
from platform_cli.manifest import PORTS, Manifest, own_services, read_manifest


def read_added(folders: Iterable[str]) -> tuple[Manifest, ...]:
    """Read the manifests; raises PlatformError naming the file and what is wrong with it."""
    found: list[Manifest] = []
    for folder in folders:
        one = _read(Path(folder))
        for other in found:
            if one.name == other.name or one.port == other.port:
                raise PlatformError(f"{one.folder} and {other.folder} have the same name or port")
        found.append(one)
    return tuple(found)


def _read(folder: Path) -> Manifest:
    try:
        manifest = read_manifest(folder)
    except OSError as error:
        raise PlatformError(f"--with {folder}: {error}") from error
    name, own = manifest.name, own_services()
    if name in {one.name for one in own}:
        raise manifest.refuse("name must be another, not one of the platform's")
    # Those of our own are taken, whether they run or not.
    if manifest.port not in PORTS or manifest.port in {one.port for one in own}:
        last = max(one.port for one in own)
        raise manifest.refuse(f"port must be one of {last + 1} to {PORTS.stop - 1}")
    routes = manifest.document.get("services")
    if set(manifest.document) != {"service", "services"} or set(routes or ()) != {name}:
        problem = f"beside [service] there must be [services.{name}], as in a route table"
        raise manifest.refuse(problem)
    return manifest


def _routes(text: str) -> str:
    """Return the part that belongs into the route table, as it was written."""
    lines = text.splitlines(keepends=True)
    first = next(at for at, line in enumerate(lines) if re.match(r"\s*\[+\s*services\b", line))
    return "".join(lines[first:])


def compose_routes(table: Path, added: Iterable[Manifest], target: Path) -> None:
    """Write a route table with the entries of added services behind those of `table`."""
    try:
        parts = [table.read_text(encoding="utf-8"), *(_routes(one.text) for one in added)]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("\n".join(parts), encoding="utf-8")
    except OSError as error:
        raise PlatformError(f"the gateway's routes: {error}") from error
