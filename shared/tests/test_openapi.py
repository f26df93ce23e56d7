"""The OpenAPI document: valid, and true about envelope, security and headers."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import validate


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    answer = client.get("/api/demo/openapi.json")
    assert answer.status_code == 200
    spec: dict[str, Any] = answer.json
    return spec


def test_it_is_a_valid_document(document: dict[str, Any]) -> None:
    validate(document)
    assert document["openapi"].startswith("3.1")


def test_every_api_route_is_described(app: Flask, document: dict[str, Any]) -> None:
    routed = {
        rule.rule.replace("<uuid:", "{").replace("<", "{").replace(">", "}")
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/demo") and "openapi" not in rule.rule
    }
    assert set(document["paths"]) == routed


def test_answers_are_described_in_their_envelope(document: dict[str, Any]) -> None:
    created = document["paths"]["/api/demo"]["post"]["responses"]["201"]
    schema = created["content"]["application/json"]["schema"]
    assert set(schema["properties"]) == {"success", "message", "data", "meta"}
    assert schema["properties"]["data"] == {"$ref": "#/components/schemas/Widget"}
    listed = document["paths"]["/api/demo"]["get"]["responses"]["200"]
    data = listed["content"]["application/json"]["schema"]["properties"]["data"]
    assert data == {"type": "array", "items": {"$ref": "#/components/schemas/Widget"}}


def test_security_is_described_where_it_is_asked(document: dict[str, Any]) -> None:
    paths = document["paths"]
    assert paths["/api/demo/me"]["get"]["security"] == [{"bearer": []}]
    assert paths["/api/demo/staff"]["get"]["security"] == [{"bearer": []}]
    assert paths["/api/demo/orders"]["post"]["security"] == [{"bearer": []}]
    assert "security" not in paths["/api/demo"]["get"]


def test_the_idempotency_key_is_described(document: dict[str, Any]) -> None:
    for path, required in (("/api/demo/orders", True), ("/api/demo/donations", False)):
        (header,) = document["paths"][path]["post"]["parameters"]
        found = (header["name"], header["in"], header["required"])
        assert found == ("Idempotency-Key", "header", required)


def test_paging_parameters_are_described(document: dict[str, Any]) -> None:
    parameters = document["paths"]["/api/demo"]["get"]["parameters"]
    named = {parameter["name"]: parameter["schema"] for parameter in parameters}
    assert set(named) == {"page", "per_page", "cursor", "sort", "min_quantity", "name"}
    assert (named["per_page"]["maximum"], named["per_page"]["default"]) == (100, 20)
