"""ETag, If-None-Match and If-Match: nobody overwrites what they have not seen."""

from typing import Any

import pytest
from flask.testing import FlaskClient


@pytest.fixture
def path(client: FlaskClient) -> str:
    """The path of a widget in version 1."""
    answer = client.post("/api/demo/", json={"name": "old"})
    return str(answer.headers["Location"])


def test_a_read_carries_its_version(client: FlaskClient, path: str) -> None:
    assert client.get(path).headers["ETag"] == '"1"'


@pytest.mark.parametrize("tags", ['"1"', 'W/"1"', '"0", "1"', "*"])
def test_a_known_version_is_not_sent_again(client: FlaskClient, path: str, tags: str) -> None:
    answer = client.get(path, headers={"If-None-Match": tags})
    assert (answer.status_code, answer.data) == (304, b"")
    assert answer.headers["ETag"] == '"1"' and answer.headers["X-Request-ID"]


@pytest.mark.parametrize("tags", ['"2"', "1x", '""'])
def test_another_version_is_sent(client: FlaskClient, path: str, tags: str) -> None:
    assert client.get(path, headers={"If-None-Match": tags}).status_code == 200


def change(client: FlaskClient, path: str, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.patch(path, json={"name": "new"}, headers=named)


def test_a_change_of_the_version_that_was_read_is_made(client: FlaskClient, path: str) -> None:
    answer = change(client, path, If_Match='"1"')
    assert (answer.status_code, answer.json["data"]["name"]) == (200, "new")
    assert answer.headers["ETag"] == '"2"' == client.get(path).headers["ETag"]


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 428, "precondition_required"),
        ({"If_Match": ""}, 428, "precondition_required"),
        ({"If_Match": '"2"'}, 412, "precondition_failed"),
        ({"If_Match": '"0"'}, 412, "precondition_failed"),
        ({"If_Match": "*"}, 400, "bad_if_match"),
        ({"If_Match": 'W/"1"'}, 400, "bad_if_match"),
        ({"If_Match": '"1", "2"'}, 400, "bad_if_match"),
        ({"If_Match": '"one"'}, 400, "bad_if_match"),
        ({"If_Match": '"１"'}, 400, "bad_if_match"),
        ({"If_Match": '""'}, 400, "bad_if_match"),
        ({"If_Match": '"' + "9" * 5000 + '"'}, 400, "bad_if_match"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_any_other_change_is_refused(
    client: FlaskClient, path: str, headers: dict[str, str], status: int, code: str
) -> None:
    answer = change(client, path, **headers)
    assert (answer.status_code, answer.json["code"]) == (status, code)
    current = client.get(path)
    assert (current.json["data"]["name"], current.headers["ETag"]) == ("old", '"1"')


def test_the_second_of_two_editors_is_told(client: FlaskClient, path: str) -> None:
    tag = client.get(path).headers["ETag"]
    first, second = (change(client, path, If_Match=tag) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 412)
