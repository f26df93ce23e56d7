"""Examples, composed from those that fields carry, so that a service annotates fields only."""

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]
Schemas = Mapping[str, Schema]

_BY_FORMAT = {
    "uuid": "0198c5b2-6f3e-7c41-9a57-2d1f0b8e4c63",
    "date-time": "2026-03-02T09:30:00Z",
}
_BY_TYPE: dict[str, Any] = {"boolean": False, "integer": 1, "number": 1.0, "null": None}
_PREFIX = "#/components/schemas/"


class NoExample(Exception):
    """A field has no example and nothing to make one from; the message is its path."""


def example_of(schema: Schema, schemas: Schemas) -> Any:
    """Return a value that `schema` allows, from the examples of its fields.

    schemas: the components that it refers to. Raises NoExample with the path of the field at fault.
    """
    return _example(schema, schemas, "", ())


def _example(schema: Schema, schemas: Schemas, path: str, above: tuple[str, ...]) -> Any:
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_PREFIX)
        return _example(schemas[name], schemas, path or name, (*above, name))
    for key in ("examples", "enum"):
        if schema.get(key):
            return schema[key][0]
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    for key in ("allOf", "anyOf", "oneOf"):
        if key in schema:
            return _example(schema[key][0], schemas, path, above)
    return _by_type(schema, schemas, path, above)


def _by_type(schema: Schema, schemas: Schemas, path: str, above: tuple[str, ...]) -> Any:
    kinds = schema.get("type", "object")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    if kind == "object":
        return {
            name: _example(inner, schemas, f"{path}.{name}", above)
            for name, inner in schema.get("properties", {}).items()
        }
    if kind == "array":
        items = schema["items"]
        if items.get("$ref", "").removeprefix(_PREFIX) in above:
            return []  # A tree: its leaves end it.
        return [_example(items, schemas, f"{path}.0", above)]
    if schema.get("format") in _BY_FORMAT:
        return _BY_FORMAT[schema["format"]]
    if kind in _BY_TYPE:
        return (
            max(_BY_TYPE[kind], schema.get("minimum", 1)) if kind == "integer" else _BY_TYPE[kind]
        )
    raise NoExample(path.lstrip("."))
