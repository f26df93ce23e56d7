"""What comes with a service, and what goes with it."""

import re
from collections import Counter
from pathlib import Path

from platform_cli.errors import PlatformError
from platform_cli.manifest import MANIFEST, Manifest, own_services, read_manifest
from platform_cli.scaffold import clashes
from platform_cli.scaffold.changes import Changes, kept_files, read
from platform_cli.scaffold.render import render
from platform_cli.scaffold.request import Request, read_request
from platform_cli.scaffold.wiring import steps

_SHOWN = 5


def plan_new(root: Path, name: str, resource: str | None, port: int | None) -> Changes:
    """Return the change that makes a service; raises PlatformError where it cannot be."""
    own = own_services(root)
    request = read_request(name, resource, port, root=root, own=(*own, *_examples(root)))
    if clashes.is_taken(request):
        raise PlatformError(
            f"--resource: {request.resource!r} is a name that the generated code needs itself"
        )
    edits = {}
    for step in steps(root, request, own):
        before = read(root / step.path)
        after = step.insert(before)
        if step.remove(after) != before:
            raise PlatformError(f"{step.path} names {request.name} already")
        if after != before:
            edits[step.path] = after
    return Changes(root, request.folder, edits, render(request))


def _examples(root: Path) -> list[Manifest]:
    # They run beside the platform's own, so that they must not meet either.
    return [read_manifest(file.parent) for file in sorted(root.glob(f"examples/*/{MANIFEST}"))]


def plan_removal(root: Path, name: str, *, force: bool = False) -> Changes:
    """Return the change that takes a service of `new-service` out again.

    Raises PlatformError where the service is none of those, or where something that was made for
    it has been changed since, unless `force`.
    """
    own = own_services(root)
    manifest = next((one for one in own if one.name == name), None)
    if manifest is None:
        raise PlatformError(f"NAME: there is no service {name!r}")
    others = tuple(one for one in own if one is not manifest)
    request = _request_of(manifest, root, others)
    edits, changed = {}, _changed_files(manifest.folder, request)
    for step in steps(root, request, others):
        before = read(root / step.path)
        after = step.remove(before)
        if _words(step.insert(after)) != _words(before):
            changed.append(step.path)
        if after != before:
            edits[step.path] = after
    if changed and not force:
        raise PlatformError(
            f"NAME: {_listed(changed)} changed since; --force removes it all the same"
        )
    return Changes(root, manifest.folder.name, edits)


def _request_of(manifest: Manifest, root: Path, others: tuple[Manifest, ...]) -> Request:
    asked = manifest.document.get("scaffold", {}).get("resource")
    if not isinstance(asked, str):
        raise PlatformError(f"NAME: {manifest.name} was not made by new-service")
    return read_request(
        manifest.name, asked, manifest.port, root=root, own=others, replaces=manifest.folder
    )


def _words(text: str) -> Counter[str]:
    # Without their order: a service that was made later may stand in another place.
    return Counter(re.findall(r"\w+", text))


def _changed_files(folder: Path, request: Request) -> list[str]:
    made = render(request)
    found = {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8", errors="replace")
        for path in kept_files(folder)
    }
    paths = sorted(made.keys() | found.keys())
    return [f"{folder.name}/{path}" for path in paths if made.get(path) != found.get(path)]


def _listed(paths: list[str]) -> str:
    shown = ", ".join(paths[:_SHOWN])
    more = len(paths) - _SHOWN
    return (
        f"{shown} and {more} more have"
        if more > 0
        else f"{shown} {'has' if len(paths) == 1 else 'have'}"
    )
