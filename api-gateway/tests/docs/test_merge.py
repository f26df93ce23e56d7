"""Parts become one valid document, with what the gateway adds to every operation."""

import re
from typing import Any

from openapi_spec_validator import validate

from api_gateway.docs.merge import Frame, merge
from api_gateway.docs.own_paths import gateway_refusals, own_part
from api_gateway.docs.part import part_of

NAME = re.compile(r"[a-zA-Z0-9._-]+")


def operation(**more: Any) -> dict[str, Any]:
    return {"summary": "Do.", "responses": {"200": {"description": "OK"}}, **more}


def service(name: str, **methods: Any) -> Any:
    document = {
        "openapi": "3.1.0",
        "info": {"title": name, "version": "1"},
        "paths": {f"/api/{name}": methods},
        "components": {
            "schemas": {"Thing": {"type": "object"}},
            "responses": {"Busy": busy()},
            "securitySchemes": {"bearerAuth": {"type": "http", "scheme": "bearer"}},
        },
    }
    return part_of(name, document, lambda path: True)


def busy() -> dict[str, Any]:
    example = {"summary": "Busy", "value": {}}
    return {
        "description": "- `busy`: Busy",
        "content": {"application/json": {"examples": {"busy": example}}},
    }


def frame(*public: tuple[str, str]) -> Frame:
    return Frame(
        title="Platform",
        version="1",
        description="All of it.",
        own=own_part("users, orders"),
        refusals=gateway_refusals(),
        public=lambda method, path: (method, path) in public,
    )


def test_the_merged_document_is_valid_and_its_components_are_well_named() -> None:
    parts = [service("users", get=operation()), service("orders", get=operation())]

    document = merge(frame(), parts, {})

    validate(document)
    names = [name for named in document["components"].values() for name in named]
    assert {"users.Thing", "orders.Thing", "gateway.Error", "bearerAuth"} <= set(names)
    assert all(NAME.fullmatch(name) for name in names)
    assert set(document["components"]["securitySchemes"]) == {"bearerAuth"}
    assert document["servers"] == [{"url": "/"}]
    assert [tag["name"] for tag in document["tags"]] == ["users", "orders", "gateway"]
    assert {"/api/users", "/api/orders", "/health", "/openapi.json"} <= set(document["paths"])


def test_without_any_service_the_gateway_itself_is_still_described() -> None:
    document = merge(frame(), [], {"users": "it is down", "orders": "it is down"})

    validate(document)
    assert set(document["paths"]) == set(own_part("").paths)


def test_what_is_unavailable_is_named_with_its_reason() -> None:
    document = merge(frame(), [], {"orders": "the orders service cannot be reached"})

    assert document["x-unavailable"] == [
        {"service": "orders", "reason": "the orders service cannot be reached"}
    ]
    assert document["info"]["description"].endswith(
        "- `orders`: the orders service cannot be reached"
    )


def test_every_operation_refers_to_the_gateways_errors() -> None:
    body = {"content": {"application/json": {"schema": {"type": "object"}}}}
    part = service("orders", get=operation(), post=operation(requestBody=body))

    item = merge(frame(("GET", "/api/orders")), [part], {})["paths"]["/api/orders"]

    everywhere = {"200", "400", "404", "414", "429", "431", "502", "503", "504"}
    assert set(item["get"]["responses"]) == everywhere
    assert set(item["post"]["responses"]) == everywhere | {"401", "408", "413"}
    assert item["get"]["responses"]["429"] == {"$ref": "#/components/responses/gateway.429"}


def test_what_the_gateway_guards_needs_a_token_whatever_the_service_says() -> None:
    part = service("orders", get=operation(), post=operation(security=[{}, {"bearerAuth": []}]))

    guarded = merge(frame(), [part], {})["paths"]["/api/orders"]
    assert guarded["get"]["security"] == guarded["post"]["security"] == [{"bearerAuth": []}]
    public = frame(("GET", "/api/orders"), ("POST", "/api/orders"))
    opened = merge(public, [part], {})["paths"]["/api/orders"]
    assert opened["get"]["security"] == []
    assert opened["post"]["security"] == [{}, {"bearerAuth": []}]


def test_a_services_own_error_of_the_same_status_is_kept_and_the_gateways_joins_it() -> None:
    shared = {"200": {"description": "OK"}, "503": {"$ref": "#/components/responses/Busy"}}
    own = {"200": {"description": "OK"}, "503": busy()}
    part = service("orders", get=operation(responses=shared), put=operation(responses=own))

    document = merge(frame(), [part], {})

    item = document["paths"]["/api/orders"]
    assert item["get"]["responses"]["503"] == {"$ref": "#/components/responses/orders.Busy"}
    for busy_one in (
        document["components"]["responses"]["orders.Busy"],
        item["put"]["responses"]["503"],
    ):
        codes = set(busy_one["content"]["application/json"]["examples"])
        assert {"busy", "gateway.overloaded", "gateway.no_healthy_instance"} <= codes
        assert "Retry-After" in busy_one["headers"]
    assert set(part.components["responses"]["orders.Busy"]["content"]["application/json"]
               ["examples"]) == {"busy"}  # fmt: skip
