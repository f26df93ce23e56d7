"""Examples come from the fields, and from their types where those say enough."""

from typing import Any

import pytest

from chassis.openapi.document import finish
from chassis.openapi.examples import NoExample, example_of

LEAF = {"type": "string", "examples": ["leaf"]}


@pytest.mark.parametrize(
    ("schema", "example"),
    [
        ({"type": "string", "examples": ["tea"]}, "tea"),
        ({"type": ["string", "null"], "examples": [None]}, None),
        ({"type": "string", "enum": ["a", "b"]}, "a"),
        ({"type": "boolean", "const": True}, True),
        ({"type": "integer", "default": 20, "minimum": 1}, 20),
        ({"type": "integer", "minimum": 5}, 5),
        ({"type": "string", "format": "date-time"}, "2026-03-02T09:30:00Z"),
        ({"type": "array", "items": LEAF}, ["leaf"]),
        ({"type": "object", "properties": {"a": LEAF}}, {"a": "leaf"}),
        ({"anyOf": [LEAF, {"type": "null"}]}, "leaf"),
        ({"allOf": [{"$ref": "#/components/schemas/Leaf"}]}, "leaf"),
    ],
)  # fmt: skip
def test_an_example_is_what_the_schema_says(schema: dict[str, Any], example: Any) -> None:
    assert example_of(schema, {"Leaf": LEAF}) == example


def test_a_tree_ends() -> None:
    node = {"type": "array", "items": {"$ref": "#/components/schemas/Node"}}
    schemas = {"Node": {"type": "object", "properties": {"children": node}}}

    assert example_of({"$ref": "#/components/schemas/Node"}, schemas) == {"children": []}


def test_a_text_without_example_is_named_by_its_path() -> None:
    inner = {"type": "object", "properties": {"name": {"type": "string"}}}
    schema = {"type": "object", "properties": {"items": {"type": "array", "items": inner}}}

    with pytest.raises(NoExample, match=r"^items\.0\.name$"):
        example_of(schema, {})


def test_equal_error_responses_are_there_once_and_unused_components_are_gone() -> None:
    def operation(text: str) -> dict[str, Any]:
        return {"responses": {"404": {"description": text}, "200": {"description": "OK"}}}

    paths = {
        "/a": {"get": operation("none")},
        "/b": {"get": operation("none"), "put": operation("gone")},
    }

    done = finish({"paths": paths, "components": {"schemas": {"Unused": LEAF}}})

    assert done["components"] == {
        "schemas": {},
        "responses": {"NotFound": {"description": "none"}, "NotFound-2": {"description": "gone"}},
    }
    put = done["paths"]["/b"]["put"]["responses"]
    assert put["404"] == {"$ref": "#/components/responses/NotFound-2"}
    assert put["200"] == {"description": "OK"}
