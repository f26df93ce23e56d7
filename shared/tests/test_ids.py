"""The request id and the trace context: made, taken over, passed on, never trusted blindly."""

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from chassis.request_id import accept_request_id, current_request_id
from chassis.tracing import accept_traceparent, current_traceparent

TRACE_ID, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def test_a_request_without_an_id_gets_one(client: FlaskClient) -> None:
    first, second = (client.get("/health/live").headers["X-Request-ID"] for _ in range(2))
    assert re.fullmatch(r"[0-9a-f]{32}", first) and first != second


def test_a_well_formed_id_is_kept(client: FlaskClient) -> None:
    answer = client.get("/nothing", headers={"X-Request-ID": "edge-123.abc_DEF"})
    assert answer.headers["X-Request-ID"] == answer.json["request_id"] == "edge-123.abc_DEF"


@pytest.mark.parametrize(
    "candidate",
    [
        "",
        "short",
        "a" * 129,
        "has space",
        "semi;colon",
        "-leading",
        "new\nline",
        "naïve-id",
        "a/b/c/d/e",
        '"quoted-id"',
        "<script>alert(1)</script>",
        "12345678\n",
        "%0d%0aSet-Cookie",
    ],
    ids=repr,
)
def test_a_malformed_id_is_replaced(candidate: str) -> None:
    assert re.fullmatch(r"[0-9a-f]{32}", accept_request_id(candidate))


@pytest.mark.parametrize("candidate", ["12345678", "a" * 128, "edge-1.2_3-4"])
def test_the_limits_of_an_id(candidate: str) -> None:
    assert accept_request_id(candidate) == candidate


def test_the_view_sees_id_and_trace(client: FlaskClient, before_commit: Any) -> None:
    seen: list[Any] = []
    before_commit(lambda: seen.extend([current_request_id(), current_traceparent()]))
    headers = {"X-Request-ID": "edge-1234", "traceparent": f"00-{TRACE_ID}-{SPAN}-00"}
    client.post("/api/demo/", json={"name": "a"}, headers=headers)
    assert seen[0] == "edge-1234"
    # The trace goes on, in a span of our own, with the caller's decision not to sample it.
    assert re.fullmatch(rf"00-{TRACE_ID}-[0-9a-f]{{16}}-00", seen[1]) and SPAN not in seen[1]


@pytest.mark.parametrize(
    "candidate",
    [
        None,
        "",
        f"00-{TRACE_ID}-{SPAN}",
        f"00-{TRACE_ID.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        f"ff-{TRACE_ID}-{SPAN}-01",
        f"00-{TRACE_ID}-{SPAN}-01-extra",
        f"00-{TRACE_ID}-{SPAN}-01\n",
    ],
    ids=repr,
)
def test_a_malformed_trace_starts_a_new_one(candidate: str | None) -> None:
    made = accept_traceparent(candidate)
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", made)
    assert TRACE_ID not in made


def test_one_request_does_not_inherit_the_id_of_another(app: Flask) -> None:
    client = app.test_client()
    client.get("/health/live", headers={"X-Request-ID": "first-request"})
    assert client.get("/health/live").headers["X-Request-ID"] != "first-request"
