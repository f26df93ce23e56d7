"""What a parser lets through and a database chokes on: always a 4xx, never a 5xx."""

import gzip
import json
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

JSON = "application/json"


def post(client: FlaskClient, body: str | bytes) -> Any:
    return client.post("/api/demo/echo", data=body, content_type=JSON)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"value": NaN}', 400),
        ('{"value": Infinity}', 400),
        ('{"value": -Infinity}', 400),
        ('{"value": 1e400}', 400),
        ('{"value": -1e400}', 400),
        ('{"value": 1, "value": 2}', 400),
        ('{"value": {"a": 1, "a": 1}}', 400),
        ('{"value": 9223372036854775808}', 422),
        ('{"value": -9223372036854775809}', 422),
        ('{"value": [1, {"a": 99999999999999999999}]}', 422),
        ('{"value": ' + "9" * 5000 + "}", 400),
        ('{"value": "a\\u0000b"}', 422),
        ('{"value": "\\ud800"}', 422),
        ('{"value": "\\udfff x"}', 422),
        ('{"value": {"a\\u0000": 1}}', 422),
        ('{"value": {"\\ud800": 1}}', 422),
        ('{"\\ud800": 1}', 422),
        ('{"a\\u0000b": 1}', 422),
        ('{"value": ' + "[" * 65 + "]" * 65 + "}", 400),
        ('{"value": ' + "[" * 1000 + "]" * 1000 + "}", 400),
        ('{"value": ' + '{"a":' * 1000 + "1" + "}" * 1000 + "}", 400),
        ("[" * 100_000, 400),
        ('{"value": ' + "[" * 100_000 + "]" * 100_000 + "}", 400),
        ('{"a":' * 100_000, 400),
        ("\ufeff{}", 400),
        ("\x00", 400),
    ],
    ids=lambda value: str(value)[:30],
)
def test_json_that_would_fail_later_fails_at_the_door(
    client: FlaskClient, body: str, status: int
) -> None:
    answer = post(client, body)
    assert answer.status_code == status, answer.json
    expected = "malformed_json" if status == 400 else "validation_failed"
    assert answer.json["code"] == expected


@pytest.mark.parametrize(
    "body",
    [
        '{"value": "é"}'.encode("latin-1"),
        '{"value": 1}'.encode("utf-16"),
        '{"value": 1}'.encode("utf-32"),
        b'{"value": "\xed\xa0\x80"}',
        b'{"value": "\xc0\x80"}',
        gzip.compress(b'{"value": 1}', mtime=0),
        b"\xff",
    ],
    ids=repr,
)
def test_a_body_that_is_not_utf8_is_a_400(client: FlaskClient, body: bytes) -> None:
    answer = post(client, body)
    assert (answer.status_code, answer.json["code"]) == (400, "malformed_json")


@pytest.mark.parametrize(
    "text",
    [
        '{"value": 9223372036854775807}',
        '{"value": -9223372036854775808}',
        '{"value": 1e308}',
        '{"value": "\\ud83d\\ude00 \\u4eac"}',
        '{"value": ' + "[" * 64 + "]" * 64 + "}",
    ],
    ids=lambda value: value[:40],
)
def test_the_extremes_that_are_allowed_come_back(client: FlaskClient, text: str) -> None:
    answer = post(client, text)
    assert answer.status_code == 200
    assert answer.json["data"] == json.loads(text)["value"]


def test_the_field_at_fault_is_named(client: FlaskClient) -> None:
    answer = post(client, '{"value": [1, {"name": "a\\u0000"}]}')
    assert [problem["field"] for problem in answer.json["errors"]] == ["value.1.name"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/demo/named/%00",
        "/api/demo/named/a%00b",
        "/api/demo/named/%ED%A0%80",
        "/api/demo/named/%FF%FE",
        "/api/demo/named/" + "a" * 8000,
        "/api/demo/%00",
        "/api/demo/?name=%00",
        "/api/demo/?name=a%00b",
        "/api/demo/?%00=1",
        "/api/demo/?min_quantity=%00",
        "/api/demo/?min_quantity=" + "9" * 6000,
        "/api/demo/?min_quantity=9223372036854775807&min_quantity=1",
        "/api/demo/?min_quantity=%EF%BC%92",
        "/api/demo/?sort=%00",
        "/api/demo/?page=1&page=2&page=x",
        "/api/demo/?" + "&".join(f"a{n}=1" for n in range(1500)),
        "/api/demo/?name[]=1",
        "/api/demo/?=",
    ],
    ids=lambda value: value[:50],
)
def test_paths_and_queries_never_give_a_5xx(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code < 500, answer.data
    # The name of a parameter is echoed, which our own strict parser would refuse.
    assert json.loads(answer.data)["success"] is (answer.status_code < 400)


def test_nul_in_a_path_names_nothing(client: FlaskClient) -> None:
    answer = client.get("/api/demo/named/a%00b")
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")


def test_nul_that_reaches_the_database_is_a_422(client: FlaskClient, before_commit: Any) -> None:
    from demo_service.models import Widget

    from chassis.database import current_session

    before_commit(lambda: current_session().add(Widget(name="\x00")))
    answer = client.post("/api/demo/", json={"name": "a"})
    assert (answer.status_code, answer.json["code"]) == (422, "validation_failed")
    before_commit(lambda: None)
    assert client.get("/api/demo/").json["data"] == []


@pytest.mark.parametrize(
    "name",
    [
        "Idempotency-Key",
        "If-Match",
        "If-None-Match",
        "Prefer",
        "Authorization",
        "X-Request-ID",
        "traceparent",
        "Origin",
        "Accept",
        "Content-Type",
        "Cookie",
        "Range",
        "Host",
    ],
)
@pytest.mark.parametrize(
    "value",
    ["\x7f", "a" * 8000, "ÿþ", '"', "*", "W/", ",,,", "%00", "=", "wait=" + "9" * 20],
)
def test_odd_headers_never_give_a_5xx(
    client: FlaskClient, auth: Any, name: str, value: str
) -> None:
    headers = {**auth(), "Idempotency-Key": "k", "Content-Type": JSON, name: value}
    answer = client.post("/api/demo/orders", data=b'{"name": "a"}', headers=headers)
    assert answer.status_code < 500, answer.json
    headers = {**auth(), name: value}
    assert client.get("/api/demo/", headers=headers).status_code < 500


FUZZ = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
text = st.text(st.characters(), max_size=20)
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | text
    | st.sampled_from(["\x00", "\ud800", 10**400, float("nan"), 2**63, -(2**63), "GBP", ""])
)
documents = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4)
)
widgets = st.fixed_dictionaries(
    {},
    optional={
        "name": documents,
        "quantity": documents,
        "note": documents,
        "tags": documents,
        "price": documents | st.fixed_dictionaries({"amount": documents, "currency": documents}),
        "due_at": documents | st.datetimes().map(str),
        "settings": documents,
    },
)


@FUZZ
@given(body=documents | widgets, path=st.sampled_from(["/api/demo/echo", "/api/demo/"]))
def test_no_json_body_gives_a_5xx(client: FlaskClient, body: Any, path: str) -> None:
    answer = client.post(path, data=json.dumps(body), content_type=JSON)
    assert answer.status_code < 500, answer.json
    assert answer.json["success"] is (answer.status_code < 400)


@FUZZ
@given(body=st.binary(max_size=200))
def test_no_bytes_give_a_5xx(client: FlaskClient, body: bytes) -> None:
    assert post(client, body).status_code < 500


@FUZZ
@given(name=text, value=text, segment=text)
def test_no_query_or_path_gives_a_5xx(
    client: FlaskClient, name: str, value: str, segment: str
) -> None:
    encode = lambda part: quote(part.encode("utf-8", "surrogatepass"), safe="")  # noqa: E731
    answer = client.get(f"/api/demo/?{encode(name)}={encode(value)}&name={encode(value)}")
    assert answer.status_code < 500, answer.json
    answer = client.get(f"/api/demo/named/{encode(segment)}")
    assert answer.status_code < 500, answer.json
