"""One service's document as a part of the merged one: its names prefixed, its references too.

Functions from dicts to dicts; nothing here knows the gateway.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Doc = dict[str, Any]

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
SECURITY_SCHEME = "bearerAuth"
_REFERENCE = re.compile(r"#/components/([A-Za-z]+)/(.+)")
# OpenAPI 3.1, Components Object: names of components match ^[a-zA-Z0-9._-]+$.
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9._-]")
# The keys of these objects are names that somebody chose, so that none of them is a keyword.
_NAMES = frozenset(
    {
        "$defs", "callbacks", "content", "definitions", "dependentSchemas", "encoding", "headers",
        "links", "pathItems", "paths", "patternProperties", "properties", "requestBodies",
        "responses", "schemas", "securitySchemes", "variables",
    }
)  # fmt: skip
# What stands below these is data, whatever it looks like.
_DATA = frozenset({"const", "default", "enum", "example", "value"})


class BadDocument(ValueError):
    """The document cannot be merged; the message says why."""


@dataclass(frozen=True)
class Part:
    """What a service gives to the merged document."""

    name: str
    description: str
    paths: Mapping[str, Doc]
    components: Mapping[str, Mapping[str, Doc]]


def part_of(name: str, document: Any, belongs: Callable[[str], bool]) -> Part:
    """Return the part of the service `name`, made from its document.

    belongs: tells of a path whether requests for it reach this service. Raises BadDocument for what
    is no OpenAPI 3.1 document.
    """
    if not isinstance(document, dict) or not str(document.get("openapi", "")).startswith("3.1"):
        raise BadDocument("it is not an OpenAPI 3.1 document")
    try:
        schemes = _schemes(name, document)
        found = _Prefixed(name, schemes)
        paths = {
            path: found.path_item(path, item, document.get("security", []))
            for path, item in document["paths"].items()
            if belongs(path)
        }
        return Part(
            name=name,
            description=str(document["info"].get("description") or document["info"]["title"]),
            paths=paths,
            components=found.components(document.get("components", {})),
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise BadDocument("its parts are not where they belong") from error


def operations(item: Mapping[str, Any]) -> Iterator[tuple[str, Doc]]:
    """Yield method and operation of a path item."""
    yield from ((method, item[method]) for method in METHODS if method in item)


def _schemes(name: str, document: Doc) -> dict[str, str]:
    """Return the new name of each security scheme: every bearer token is the platform's."""
    schemes = document.get("components", {}).get("securitySchemes", {})
    return {
        old: SECURITY_SCHEME
        if (scheme.get("type"), str(scheme.get("scheme")).lower()) == ("http", "bearer")
        else _component(name, old)
        for old, scheme in schemes.items()
    }


def _component(service: str, name: str) -> str:
    return _NOT_IN_NAMES.sub("_", f"{service}.{name}")


class _Prefixed:
    """Copies parts of one service's document with all names in them prefixed."""

    def __init__(self, service: str, schemes: Mapping[str, str]) -> None:
        self._service = service
        self._schemes = schemes

    def path_item(self, path: str, item: Doc, security: list[Any]) -> Doc:
        """Copy a path item; every operation gets an id, the service's tag and its security."""
        copied: Doc = self._copy(item)
        for method, operation in operations(copied):
            own = operation.get("operationId") or f"{method}{path}"
            operation["operationId"] = own if own.startswith(f"{self._service}.") else (
                _component(self._service, own)
            )  # fmt: skip
            operation["tags"] = [self._service]
            operation["security"] = [
                {self._schemes.get(name, name): scopes for name, scopes in one.items()}
                for one in operation.get("security", security)
            ]
        return copied

    def components(self, components: Doc) -> dict[str, dict[str, Doc]]:
        """Copy all components under their new names; the common security scheme is left out."""
        copied: dict[str, dict[str, Doc]] = {}
        for kind, named in components.items():
            for name, node in named.items():
                new = self._schemes[name] if kind == "securitySchemes" else self._name(name)
                if new != SECURITY_SCHEME:
                    copied.setdefault(kind, {})[new] = self._copy(node)
        return copied

    def _name(self, name: str) -> str:
        return _component(self._service, name)

    def _copy(self, node: Any, names: bool = False) -> Any:
        """Copy a node. names: its keys are chosen names, not keywords."""
        if isinstance(node, list):
            return [self._copy(inner) for inner in node]
        if not isinstance(node, dict):
            return node
        if names:
            return {key: self._copy(inner) for key, inner in node.items()}
        return {key: self._member(key, inner) for key, inner in node.items()}

    def _member(self, key: str, value: Any) -> Any:
        if key in _DATA or (key == "examples" and isinstance(value, list)):
            return value
        if key == "$ref" and isinstance(value, str):
            return self._reference(value)
        if key == "mapping" and isinstance(value, dict):
            # Of a discriminator: from a value to a schema, by reference or by bare name.
            return {name: self._mapped(target) for name, target in value.items()}
        if key == "operationId" and isinstance(value, str):
            return self._name(value)
        return self._copy(value, names=key in _NAMES or key == "examples")

    def _reference(self, target: str) -> str:
        match = _REFERENCE.fullmatch(target)
        if match is None:
            return target
        name = self._schemes.get(match[2], "") if match[1] == "securitySchemes" else ""
        return f"#/components/{match[1]}/{name or self._name(match[2])}"

    def _mapped(self, target: str) -> str:
        return self._reference(target) if target.startswith("#") else self._name(target)
