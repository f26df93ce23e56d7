"""Every answer wears the envelope of ARCHITECTURE section 6, whatever went wrong."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

MISSING = "/api/demo/00000000-0000-7000-8000-000000000000"


def assert_error(answer: Any, status: int, code: str) -> Any:
    """Check the shape of an error answer and return its body."""
    body = answer.get_json()
    assert (answer.status_code, body["code"]) == (status, code), body
    assert set(body) == {"success", "message", "code", "errors", "request_id"}
    assert body["success"] is False and body["message"]
    assert body["request_id"] == answer.headers["X-Request-ID"]
    assert answer.headers["Content-Type"] == "application/json"
    return body


def test_success_carries_message_data_and_meta(client: FlaskClient) -> None:
    answer = client.post("/api/demo/echo", json={"value": {"a": [1, 2.5, None, "é"]}})
    assert answer.get_json() == {
        "success": True,
        "message": "OK",
        "data": {"a": [1, 2.5, None, "é"]},
        "meta": {"seen": True},
    }


def test_created_carries_location(client: FlaskClient) -> None:
    answer = client.post("/api/demo/", json={"name": " Lamp "})
    assert (answer.status_code, answer.json["message"]) == (201, "Widget made")
    assert answer.json["data"]["name"] == "Lamp"
    assert answer.headers["Location"] == f"/api/demo/{answer.json['data']['id']}"


@pytest.mark.parametrize("path", ["/api/demo", "/api/demo/"])
def test_the_collection_works_with_and_without_a_slash(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 200
    assert client.post(path, json={"name": "a"}).status_code == 201


def test_validation_names_each_field_by_its_path(client: FlaskClient) -> None:
    body = {
        "name": "",
        "quantity": 1.0,
        "colour": "red",
        "price": {"amount": "1", "currency": "pounds", "tax": 1},
        "tags": ["fine", 7],
        "due_at": "2026-01-01T00:00:00",
    }
    answer = assert_error(client.post("/api/demo/", json=body), 422, "validation_failed")
    assert sorted(problem["field"] for problem in answer["errors"]) == [
        "colour",
        "due_at",
        "name",
        "price.amount",
        "price.currency",
        "price.tax",
        "quantity",
        "tags.1",
    ]
    assert all(problem["message"] for problem in answer["errors"])
    assert client.get("/api/demo/").json["data"] == []


@pytest.mark.parametrize("value", [True, 1.5, 1.0, "1", "1_000", None, [], {}, -1, 2**63])
def test_an_integer_is_an_integer(client: FlaskClient, value: object) -> None:
    answer = client.post("/api/demo/", json={"name": "a", "quantity": value})
    problems = assert_error(answer, 422, "validation_failed")["errors"]
    assert [problem["field"] for problem in problems] == ["quantity"]


@pytest.mark.parametrize("value", [1, True, None, ["a"], {"a": 1}, "   ", "x" * 51])
def test_text_is_text_of_the_right_length(client: FlaskClient, value: object) -> None:
    answer = client.post("/api/demo/", json={"name": value})
    problems = assert_error(answer, 422, "validation_failed")["errors"]
    assert [problem["field"] for problem in problems] == ["name"]


@pytest.mark.parametrize("body", ["[]", '"text"', "1", "null", "true"])
def test_a_body_that_is_no_object_is_refused(client: FlaskClient, body: str) -> None:
    answer = client.post("/api/demo/", data=body, content_type="application/json")
    assert_error(answer, 422, "validation_failed")


def test_an_empty_body_misses_its_fields(client: FlaskClient) -> None:
    answer = assert_error(client.post("/api/demo/"), 422, "validation_failed")
    assert [problem["field"] for problem in answer["errors"]] == ["name"]


@pytest.mark.parametrize(
    "body", ["{", "{'name': 'a'}", '{"name": "a"', "name=a", "{}{}", '{"a":1,}']
)
def test_malformed_json_is_a_400(client: FlaskClient, body: str) -> None:
    answer = client.post("/api/demo/", data=body, content_type="application/json")
    assert_error(answer, 400, "malformed_json")


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "text/json", ""]
)
def test_another_content_type_is_a_415(client: FlaskClient, kind: str) -> None:
    answer = client.post("/api/demo/", data='{"name": "a"}', content_type=kind)
    assert_error(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "APPLICATION/JSON"])
def test_json_content_types_are_taken(client: FlaskClient, kind: str) -> None:
    answer = client.post("/api/demo/", data='{"name": "a"}', content_type=kind)
    assert answer.status_code == 201


def test_a_body_beyond_the_limit_is_a_413(client: FlaskClient) -> None:
    big = b'{"name": "' + b"a" * 1_048_576 + b'"}'
    answer = client.post("/api/demo/", data=big, content_type="application/json")
    assert_error(answer, 413, "payload_too_large")


def test_a_body_beyond_the_limit_without_a_length_is_refused(client: FlaskClient) -> None:
    import io

    big = io.BytesIO(b'{"name": "' + b"a" * 1_048_576 + b'"}')
    answer = client.post(
        "/api/demo/",
        input_stream=big,
        content_type="application/json",
        environ_overrides={"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"},
    )
    assert_error(answer, 413, "payload_too_large")


@pytest.mark.parametrize("path", ["/", "/nothing", "/api/demo/no-uuid", "/api/other", "/.env"])
def test_an_unknown_route_is_a_404(client: FlaskClient, path: str) -> None:
    assert_error(client.get(path), 404, "not_found")


def test_a_missing_resource_is_a_404_with_its_own_code(client: FlaskClient) -> None:
    assert_error(client.get(MISSING), 404, "demo.not_found")


def test_a_wrong_method_is_a_405_and_names_the_right_ones(client: FlaskClient) -> None:
    answer = client.delete(MISSING)
    assert_error(answer, 405, "method_not_allowed")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "PATCH"}
    assert_error(client.open("/api/demo/", method="BREW"), 405, "method_not_allowed")


def test_a_taken_name_is_a_409(client: FlaskClient) -> None:
    assert client.post("/api/demo/", json={"name": "a"}).status_code == 201
    answer = client.post("/api/demo/", json={"name": "a"})
    assert "widgets" not in assert_error(answer, 409, "conflict")["message"]
    assert len(client.get("/api/demo/").json["data"]) == 1


def test_a_number_beyond_its_column_is_a_422(client: FlaskClient) -> None:
    answer = client.post("/api/demo/", json={"name": "a", "quantity": 2**31})
    assert_error(answer, 422, "validation_failed")


def test_a_defect_is_a_500_that_tells_nothing(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = client.get("/api/demo/defects")
    assert b"hunter2" not in answer.data
    assert assert_error(answer, 500, "internal_error")["message"] == "Internal error"
    assert [record.message for record in caplog.records] == ["unhandled error"]


def test_head_and_options_are_answered(client: FlaskClient) -> None:
    assert client.head("/api/demo/").status_code == 200
    assert client.options("/api/demo/").status_code == 200


def test_only_listed_origins_may_read_answers(
    services: Any, service: str, before_commit: Callable[[Any], None]
) -> None:
    import demo_service

    config = services.config(service, cors_origins=("https://shop.example",))
    app: Flask = demo_service.create_app(config)
    client = app.test_client()
    for path, status in (("/health/live", 200), ("/nothing", 404)):
        allowed = client.get(path, headers={"Origin": "https://shop.example"})
        refused = client.get(path, headers={"Origin": "https://evil.example"})
        assert (allowed.status_code, refused.status_code) == (status, status)
        assert allowed.headers["Access-Control-Allow-Origin"] == "https://shop.example"
        assert "Access-Control-Allow-Origin" not in refused.headers


def test_without_origins_no_browser_may_read(client: FlaskClient) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}):
        answer = client.get("/health/live", headers=headers)
        assert "Access-Control-Allow-Origin" not in answer.headers
