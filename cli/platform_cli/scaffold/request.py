"""What `new-service` was asked for, checked before anything is written."""

import keyword
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from platform_cli.errors import PlatformError
from platform_cli.manifest import PORTS, Manifest
from platform_cli.scaffold.field_types import KINDS, Field
from platform_cli.scaffold.words import plural, singular, with_article

DEFAULT_FIELDS = "name=str"
# Postgres cuts names off at 63 characters, and an index is named after its table and columns.
LONGEST = 24
MOST_FIELDS = 20
# Databases, addresses and settings of the platform's own have these names.
_RESERVED_NAMES = {"postgres", "redis", "jwks", "audits", "docs"}
# A table of the chassis and a fixture of pytest; names of the templates are for clashes.py.
_RESERVED_RESOURCES = {"idempotency_key", "request"}
# What the bodies of the generated classes use, or what every resource has.
_RESERVED_FIELDS = {
    "bool", "created_at", "date", "datetime", "edit", "fields", "id", "int", "mapped_column",
    "metadata", "owner_id", "registry", "require_version", "self", "str", "updated_at", "version",
}  # fmt: skip
_WORD = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


@dataclass(frozen=True)
class Request:
    """A service to be. asked: the text of --resource, with what it left out."""

    name: str
    resource: str
    fields: tuple[Field, ...]
    port: int
    asked: str

    @property
    def folder(self) -> str:
        return f"{self.name}-service"

    @property
    def package(self) -> str:
        return f"{self.name}_service"

    @cached_property
    def resources(self) -> str:
        return plural(self.resource)

    @property
    def class_name(self) -> str:
        return "".join(part.capitalize() for part in self.resource.split("_"))

    @property
    def path(self) -> str:
        """Where its resource is: `/api/reviews`, or below it if the service is named otherwise."""
        same = self.resources == self.name
        return f"/api/{self.name}" if same else f"/api/{self.name}/{self.resources}"

    @property
    def event(self) -> str:
        """The type of the event that it publishes."""
        return f"{self.resource}.created.v1"

    def variables(self) -> Mapping[str, Any]:
        """Return what the templates know."""
        word, words = self.resource.replace("_", " "), self.resources.replace("_", " ")
        same = self.resources == self.name
        return {
            **{
                name: getattr(self, name) for name in ("name", "folder", "package", "port", "asked")
            },
            **{name: getattr(self, name) for name in ("resource", "resources", "path", "event")},
            "fields": self.fields,
            "first": self.fields[0],
            "Resource": self.class_name,
            "CREATED": f"{self.resource.upper()}_CREATED",
            "word": word,
            "words": words,
            "Word": word.capitalize(),
            "Words": words.capitalize(),
            "a_word": with_article(word),
            "A_word": with_article(word).capitalize(),
            "index": f"ix_{self.resources}_owner_id_created_at",
            "not_found": f"{self.name}.{'' if same else f'{self.resource}_'}not_found",
        }


def read_request(
    name: str,
    resource: str | None,
    port: int | None,
    *,
    root: Path,
    own: Iterable[Manifest],
    replaces: Path | None = None,
) -> Request:
    """Check a name, `review:rating=int,text=str` and a port; raises PlatformError naming which.

    resource: None for the name's singular. port: None for the first free one. own: the services
    that are there, whose names and ports are taken. replaces: its folder, if that is there.
    """
    services = tuple(own)
    _check_name(name, services)
    if replaces is None and (root / f"{name}-service").exists():
        raise PlatformError(f"NAME: {name!r} is taken: there is a {name}-service already")
    word, _, texts = (resource if resource is not None else singular(name) or "").partition(":")
    _check_resource(word)
    texts = texts or DEFAULT_FIELDS
    asked = Request(name, word, _fields(texts), _port(port, services), f"{word}:{texts}")
    for taken in root.glob(f"*/contracts/events/{asked.event}.json"):
        if taken.parents[2] != replaces:
            raise PlatformError(f"--resource: {taken.parents[2].name} publishes {asked.event}")
    return asked


def _check_name(name: str, own: Iterable[Manifest]) -> None:
    def refuse(problem: str) -> PlatformError:
        return PlatformError(f"NAME: {name!r} {problem}")

    if not re.fullmatch(r"[a-z][a-z0-9]*", name):
        raise refuse("must be lower-case letters and digits, such as reviews")
    if len(name) > LONGEST:
        raise refuse(f"is longer than {LONGEST} characters")
    if keyword.iskeyword(name):
        raise refuse("is a keyword of Python")
    if singular(name) is None:
        raise refuse("must be a plural, such as reviews")
    if name in _RESERVED_NAMES:
        raise refuse("is a name of the platform itself")
    for one in own:
        if name == one.name:
            raise refuse(f"is taken by {one.folder.name}")


def _check_resource(word: str) -> None:
    def refuse(problem: str) -> PlatformError:
        return PlatformError(f"--resource: {word!r} {problem}")

    if not _WORD.fullmatch(word):
        raise refuse("must be a singular in lower case, such as review")
    if len(word) > LONGEST:
        raise refuse(f"is longer than {LONGEST} characters")
    if keyword.iskeyword(word) or keyword.iskeyword(plural(word)):
        raise refuse("is a keyword of Python")
    if word in _RESERVED_RESOURCES:
        raise refuse("is a name that the generated code needs itself")


def _fields(texts: str) -> tuple[Field, ...]:
    found: dict[str, Field] = {}
    for text in texts.split(","):
        name, _, kind = text.partition("=")
        _check_field(text, name, kind)
        if name in found:
            raise PlatformError(f"--resource: field {name!r} is there twice")
        found[name] = Field(name, KINDS[kind])
    if len(found) > MOST_FIELDS:
        raise PlatformError(f"--resource: more than {MOST_FIELDS} fields")
    return tuple(found.values())


def _check_field(text: str, name: str, kind: str) -> None:
    if "=" not in text:
        raise PlatformError(f"--resource: {text!r} is not FIELD=TYPE")
    if not _WORD.fullmatch(name) or len(name) > LONGEST:
        raise PlatformError(
            f"--resource: field {name!r} must be at most {LONGEST} lower-case letters, digits and _"
        )
    if keyword.iskeyword(name) or name in _RESERVED_FIELDS:
        raise PlatformError(f"--resource: field {name!r} is a name that the code needs itself")
    if kind not in KINDS:
        raise PlatformError(
            f"--resource: field {name!r} has no type {kind!r} (one of {', '.join(KINDS)})"
        )


def _port(port: int | None, own: Iterable[Manifest]) -> int:
    taken = {one.port: one.folder.name for one in own}
    free = [one for one in PORTS if one not in taken]
    if port in taken:
        raise PlatformError(f"--port: {port} is taken by {taken[port]}")
    if not free:
        raise PlatformError(f"--port: all of {PORTS.start} to {PORTS.stop - 1} are taken")
    if port is not None and port not in free:
        raise PlatformError(f"--port: {port} is not one of {PORTS.start} to {PORTS.stop - 1}")
    return free[0] if port is None else port
