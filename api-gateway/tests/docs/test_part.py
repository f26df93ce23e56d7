"""A service's document becomes a part: names prefixed, references rewritten, data untouched."""

import copy
from typing import Any

import pytest

from api_gateway.docs.part import BadDocument, Part, part_of

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "orders service", "version": "1", "description": "Orders"},
    "paths": {
        "/api/orders": {
            "parameters": [{"$ref": "#/components/parameters/Trace"}],
            "post": {
                "operationId": "post_order",
                "tags": ["carts", "orders"],
                "security": [{"jwt": []}],
                "requestBody": {
                    "content": {
                        "application/json": {
                            "schema": {"$ref": "#/components/schemas/Order"},
                            "example": {"$ref": "#/components/schemas/Order"},
                        }
                    }
                },
                "responses": {
                    "201": {
                        "description": "Made",
                        "links": {"read": {"operationId": "get_order"}},
                        "content": {
                            "application/json": {
                                "schema": {
                                    "properties": {
                                        "example": {"$ref": "#/components/schemas/Order"},
                                        "kind": {"const": {"$ref": "#/components/schemas/Order"}},
                                    }
                                },
                                "examples": {"one": {"$ref": "#/components/examples/One"}},
                            }
                        },
                    },
                    "404": {"$ref": "#/components/responses/NotFound"},
                },
            },
            "get": {"security": [], "responses": {"200": {"description": "OK"}}},
            "delete": {"responses": {"204": {"description": "Gone"}}},
        },
        "/internal": {"get": {"responses": {"200": {"description": "OK"}}}},
    },
    "security": [{"key": []}],
    "components": {
        "schemas": {
            "Order": {
                "properties": {"next": {"$ref": "#/components/schemas/Order"}},
                "examples": [{"$ref": "#/components/schemas/Order"}],
                "discriminator": {
                    "propertyName": "kind",
                    "mapping": {"a": "#/components/schemas/Order", "b": "Order"},
                },
            },
            "Odd name": {"$ref": "https://json-schema.org/draft/2020-12/schema"},
        },
        "parameters": {"Trace": {"in": "header", "name": "Trace", "schema": {"type": "string"}}},
        "responses": {"NotFound": {"description": "None"}},
        "examples": {"One": {"value": {"$ref": "#/components/schemas/Order"}}},
        "securitySchemes": {
            "jwt": {"type": "http", "scheme": "Bearer"},
            "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
        },
    },
}


@pytest.fixture
def part() -> Part:
    return part_of("orders", copy.deepcopy(DOCUMENT), lambda path: path.startswith("/api/orders"))


def test_components_have_the_services_name_in_front(part: Part) -> None:
    assert {kind: set(named) for kind, named in part.components.items()} == {
        "schemas": {"orders.Order", "orders.Odd_name"},
        "parameters": {"orders.Trace"},
        "responses": {"orders.NotFound"},
        "examples": {"orders.One"},
        "securitySchemes": {"orders.key"},
    }


def test_references_follow_and_foreign_ones_stay(part: Part) -> None:
    order = part.components["schemas"]["orders.Order"]
    assert order["properties"]["next"] == {"$ref": "#/components/schemas/orders.Order"}
    assert order["discriminator"]["mapping"] == {
        "a": "#/components/schemas/orders.Order",
        "b": "orders.Order",
    }
    odd = part.components["schemas"]["orders.Odd_name"]
    assert odd == {"$ref": "https://json-schema.org/draft/2020-12/schema"}
    item = part.paths["/api/orders"]
    assert item["parameters"] == [{"$ref": "#/components/parameters/orders.Trace"}]
    answers = item["post"]["responses"]
    assert answers["404"] == {"$ref": "#/components/responses/orders.NotFound"}
    media = answers["201"]["content"]["application/json"]
    assert media["examples"] == {"one": {"$ref": "#/components/examples/orders.One"}}


def test_a_property_named_like_a_keyword_is_a_property(part: Part) -> None:
    media = part.paths["/api/orders"]["post"]["responses"]["201"]["content"]["application/json"]
    named = media["schema"]["properties"]
    assert named["example"] == {"$ref": "#/components/schemas/orders.Order"}


def test_data_is_not_touched_whatever_it_looks_like(part: Part) -> None:
    looks_like_one = {"$ref": "#/components/schemas/Order"}
    post = part.paths["/api/orders"]["post"]
    assert post["requestBody"]["content"]["application/json"]["example"] == looks_like_one
    media = post["responses"]["201"]["content"]["application/json"]
    assert media["schema"]["properties"]["kind"] == {"const": looks_like_one}
    assert part.components["schemas"]["orders.Order"]["examples"] == [looks_like_one]
    assert part.components["examples"]["orders.One"] == {"value": looks_like_one}


def test_operations_have_a_prefixed_id_and_the_services_tag(part: Part) -> None:
    item = part.paths["/api/orders"]
    assert item["post"]["operationId"] == "orders.post_order"
    assert item["get"]["operationId"] == "orders.get_api_orders"
    assert item["post"]["responses"]["201"]["links"]["read"]["operationId"] == "orders.get_order"
    assert {tuple(item[method]["tags"]) for method in ("get", "post", "delete")} == {("orders",)}


def test_bearer_tokens_are_the_platforms_and_other_schemes_the_services_own(part: Part) -> None:
    item = part.paths["/api/orders"]
    assert item["post"]["security"] == [{"bearerAuth": []}]
    assert item["get"]["security"] == []
    assert item["delete"]["security"] == [{"orders.key": []}]


def test_paths_that_do_not_reach_the_service_are_left_out(part: Part) -> None:
    assert set(part.paths) == {"/api/orders"}


def test_the_document_itself_is_not_changed() -> None:
    document = copy.deepcopy(DOCUMENT)

    part_of("orders", document, lambda path: True)

    assert document == DOCUMENT


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {"openapi": "3.0.3", "info": {"title": "old", "version": "1"}, "paths": {}},
        {"openapi": "3.1.0", "paths": {}},
        {"openapi": "3.1.0", "info": {"title": "no paths", "version": "1"}},
        {**DOCUMENT, "paths": {"/api/orders": {"get": "nothing"}}},
        {**DOCUMENT, "components": {"schemas": ["Order"]}},
    ],
)
def test_what_is_no_openapi_document_is_refused(document: Any) -> None:
    with pytest.raises(BadDocument):
        part_of("orders", document, lambda path: True)
