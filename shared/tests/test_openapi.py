"""The OpenAPI document: valid, and true about envelope, security and headers."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import validate

from chassis.testing import CONFORMANCE


def codes(document: dict[str, Any], path: str, method: str) -> dict[str, set[str]]:
    """The error codes of an operation by status."""
    shared = document["components"]["responses"]
    found = {}
    for status, response in document["paths"][path][method]["responses"].items():
        if "$ref" in response:
            named = shared[response["$ref"].rpartition("/")[2]]
            found[status] = set(named["content"]["application/json"]["examples"])
    return found


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
    assert paths["/api/demo/me"]["get"]["security"] == [{"bearerAuth": []}]
    assert paths["/api/demo/staff"]["get"]["security"] == [{"bearerAuth": []}]
    assert paths["/api/demo/orders"]["post"]["security"] == [{"bearerAuth": []}]
    assert paths["/api/demo"]["get"]["security"] == []


def test_the_idempotency_key_is_described(document: dict[str, Any]) -> None:
    for path, required in (("/api/demo/orders", True), ("/api/demo/donations", False)):
        parameters = document["paths"][path]["post"]["parameters"]
        headers = {(one["name"], one["in"], one["required"]) for one in parameters}
        assert ("Idempotency-Key", "header", required) in headers


def test_paging_parameters_are_described(document: dict[str, Any]) -> None:
    parameters = document["paths"]["/api/demo"]["get"]["parameters"]
    named = {parameter["name"]: parameter["schema"] for parameter in parameters}
    assert set(named) == {"page", "per_page", "cursor", "sort", "min_quantity", "name"}
    assert (named["per_page"]["maximum"], named["per_page"]["default"]) == (100, 20)


def test_the_document_is_not_sent_again_to_who_has_it(client: FlaskClient) -> None:
    first = client.get("/api/demo/openapi.json")

    again = client.get("/api/demo/openapi.json", headers={"If-None-Match": first.headers["ETag"]})

    assert (again.status_code, again.data) == (304, b"")


def test_the_errors_of_the_decorators_and_of_the_view_are_described(
    document: dict[str, Any],
) -> None:
    busy = {"database_busy", "database_unavailable"}
    assert codes(document, "/api/demo/{widget_id}", "get") == {
        "404": {"demo.not_found", "not_found"},
        "503": busy,
    }
    assert codes(document, "/api/demo/{widget_id}", "patch") == {
        "400": {"bad_if_match", "malformed_body", "malformed_json"},
        "404": {"demo.not_found", "not_found"},
        "409": {"conflict"},
        "412": {"precondition_failed"},
        "413": {"payload_too_large"},
        "415": {"unsupported_media_type"},
        "422": {"validation_failed"},
        "428": {"precondition_required"},
        "503": busy,
    }
    ordered = codes(document, "/api/demo/orders", "post")
    assert ordered["400"] >= {"idempotency_key_required", "idempotency_key_invalid"}
    assert ordered["401"] == {"unauthorized", "token_invalid", "token_expired", "token_revoked"}
    assert ordered["409"] == {"conflict", "idempotency_in_flight"}
    assert ordered["422"] == {"idempotency_key_reused", "validation_failed"}
    assert codes(document, "/api/demo", "get")["400"] == {"pagination.bad_cursor"}
    assert codes(document, "/api/demo/staff", "get")["403"] == {"forbidden"}


def test_no_default_response_documents_whatever_happens(document: dict[str, Any]) -> None:
    for item in document["paths"].values():
        for method in set(item) - {"parameters"}:
            assert "default" not in item[method]["responses"]


def test_conditional_reads_and_writes_are_described(document: dict[str, Any]) -> None:
    item = document["paths"]["/api/demo/{widget_id}"]
    assert "ETag" in item["get"]["responses"]["200"]["headers"]
    assert "304" in item["get"]["responses"]
    assert "304" not in item["patch"]["responses"]
    (header,) = item["patch"]["parameters"]
    assert (header["name"], header["required"], header["example"]) == ("If-Match", True, '"1"')


def test_waiting_is_described(document: dict[str, Any]) -> None:
    operation = document["paths"]["/api/demo/orders"]["post"]
    assert {"Prefer", "Idempotency-Key"} == {one["name"] for one in operation["parameters"]}
    assert set(operation["responses"]) >= {"200", "202"}


def test_examples_are_composed_from_those_of_the_fields(document: dict[str, Any]) -> None:
    operation = document["paths"]["/api/demo"]["post"]
    assert operation["operationId"] == "create_widget"
    assert operation["requestBody"]["content"]["application/json"]["example"] == {
        "name": "Left-handed sprocket",
        "quantity": 0,
        "note": None,
        "price": {"amount": 1999, "currency": "GBP"},
        "tags": ["brass"],
        "due_at": "2026-03-02T09:30:00Z",
        "settings": {},
    }
    made = operation["responses"]["201"]["content"]["application/json"]["example"]
    assert (made["message"], made["data"]["status"]) == ("Widget made", "pending")
    listed = document["paths"]["/api/demo"]["get"]["responses"]["200"]
    example = listed["content"]["application/json"]["example"]
    assert example["meta"]["pagination"]["per_page"] == 20


def test_an_answer_that_the_document_does_not_know_fails_a_test(
    app: Flask, client: FlaskClient, before_commit: Any
) -> None:
    conformance = app.extensions[CONFORMANCE]

    client.get("/api/demo/named/nobody")
    assert conformance.drift == []
    before_commit(lambda: app.aborter(418))
    client.get("/api/demo/defects")

    assert conformance.drift == ["GET /api/demo/defects 418: the status is not documented"]
    conformance.drift.clear()
