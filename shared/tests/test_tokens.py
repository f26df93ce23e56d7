"""The key set: fetched over HTTP, cached, rotated, and kept while its publisher is away."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from chassis.exceptions import ServiceUnavailable, Unauthorized
from chassis.tokens import KeySet, fetch_jwks


def published(*kids: str, **members: Any) -> bytes:
    """Return a key set document with a key of its own for each kid."""
    entries = []
    for kid in kids:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
        jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key))
        entries.append({**jwk, "kid": kid, "use": "sig", **members})
    return json.dumps({"keys": entries}).encode()


class Seconds:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def keys(upstream: Any, seconds: Seconds) -> KeySet:
    return KeySet(fetch_jwks(f"{upstream.url}/.well-known/jwks.json"), seconds)


def refused(keys: KeySet, kid: object) -> bool:
    try:
        keys.key(kid)
    except Unauthorized as error:
        return error.code == "token_invalid"
    return False


def test_keys_are_fetched_once_and_cached(
    upstream: Any, keys: KeySet, seconds: Seconds, respond: Callable[..., Any]
) -> None:
    upstream.answer = respond(200, published("a", "b"))
    first = keys.key("a")
    seconds.now += 299
    assert keys.key("a") is first and keys.key("b") is not first
    assert upstream.paths == ["/.well-known/jwks.json"]


def test_keys_are_fetched_again_after_five_minutes(
    upstream: Any, keys: KeySet, seconds: Seconds, respond: Callable[..., Any]
) -> None:
    upstream.answer = respond(200, published("old"))
    keys.key("old")
    upstream.answer = respond(200, published("new"))
    seconds.now += 301
    # The retired key is gone as soon as the new set is there.
    assert refused(keys, "old")
    keys.key("new")
    assert len(upstream.requests) == 2


def test_a_new_key_is_found_before_the_cache_is_stale(
    upstream: Any, keys: KeySet, seconds: Seconds, respond: Callable[..., Any]
) -> None:
    upstream.answer = respond(200, published("a"))
    keys.key("a")
    upstream.answer = respond(200, published("a", "b"))
    seconds.now += 31
    keys.key("b")
    assert len(upstream.requests) == 2


def test_unknown_kids_make_one_request_in_thirty_seconds(
    upstream: Any, keys: KeySet, seconds: Seconds, respond: Callable[..., Any]
) -> None:
    upstream.answer = respond(200, published("a"))
    keys.key("a")
    seconds.now += 31
    assert all(refused(keys, f"guess-{number}") for number in range(50))
    assert len(upstream.requests) == 2
    seconds.now += 31
    assert refused(keys, "guess")
    assert len(upstream.requests) == 3


@pytest.mark.parametrize(
    "kid", [None, 1, True, [], {}, "k" * 129], ids=lambda value: repr(value)[:9]
)
def test_a_kid_that_cannot_be_one_makes_no_request(
    upstream: Any, keys: KeySet, kid: object
) -> None:
    assert refused(keys, kid)
    assert upstream.requests == []


NOT_A_KEY_SET = [
    b"",
    b"<html>",
    b"[]",
    b"null",
    b"{}",
    b'{"keys": null}',
    b'{"keys": []}',
    b'{"keys": [1]}',
    b'{"keys": [{}]}',
    b'{"keys": [{"kty": "RSA"}]}',
    b'{"keys": [{"kty": "RSA", "kid": "a"}]}',
    b'{"keys": [{"kty": "RSA", "kid": "a", "n": "!", "e": "AQAB"}]}',
    b'{"keys": [{"kty": "oct", "kid": "a", "k": "c2VjcmV0"}]}',
]


@pytest.mark.parametrize("document", NOT_A_KEY_SET, ids=lambda value: value.decode()[:25])
def test_a_document_that_is_no_key_set_changes_nothing(
    upstream: Any,
    keys: KeySet,
    seconds: Seconds,
    respond: Callable[..., Any],
    document: bytes,
) -> None:
    upstream.answer = respond(200, document)
    with pytest.raises(ServiceUnavailable) as caught:
        keys.key("a")
    assert caught.value.code == "jwks_unavailable"
    upstream.answer = respond(200, published("a"))
    seconds.now += 1
    first = keys.key("a")
    upstream.answer = respond(200, document)
    seconds.now += 301
    assert keys.key("a") is first


@pytest.mark.parametrize(
    ("status", "headers"), [(500, {}), (404, {}), (302, {"Location": "http://127.0.0.1:1/"})]
)
def test_a_publisher_that_refuses_leaves_the_keys(
    upstream: Any,
    keys: KeySet,
    seconds: Seconds,
    respond: Callable[..., Any],
    status: int,
    headers: dict[str, str],
) -> None:
    upstream.answer = respond(200, published("a"))
    first = keys.key("a")
    upstream.answer = respond(status, b"", headers)
    seconds.now += 301
    assert keys.key("a") is first
    seconds.now += 29
    assert keys.key("a") is first
    # It is not asked again for every request meanwhile.
    assert len(upstream.requests) == 2


def test_nobody_listening_is_a_503_and_is_tried_again(closed_port: int, seconds: Seconds) -> None:
    keys = KeySet(fetch_jwks(f"http://127.0.0.1:{closed_port}/"), seconds)
    for _ in range(2):
        with pytest.raises(ServiceUnavailable):
            keys.key("a")


def test_a_key_for_another_use_verifies_nothing(
    upstream: Any, keys: KeySet, respond: Callable[..., Any]
) -> None:
    document = json.loads(published("a"))
    other = json.loads(published("b", use="enc"))["keys"]
    curve = ec.generate_private_key(ec.SECP256R1()).public_key()
    elliptic = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(curve))
    document["keys"] += [*other, {**elliptic, "kid": "c"}]
    upstream.answer = respond(200, json.dumps(document).encode())
    keys.key("a")
    assert refused(keys, "b") and refused(keys, "c")


def test_many_threads_ask_the_publisher_once(
    upstream: Any, keys: KeySet, respond: Callable[..., Any]
) -> None:
    upstream.answer = respond(200, published("a"))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: keys.key("a"), range(32)))
    assert len(set(map(id, found))) == 1 and len(upstream.requests) == 1


def test_who_has_a_key_does_not_wait_for_a_publisher_that_hangs(seconds: Seconds) -> None:
    asked, go_on = threading.Event(), threading.Event()
    documents = iter([json.loads(published("a"))])

    def load() -> Any:
        document = next(documents, None)
        if document is None:
            asked.set()
            go_on.wait(10)
            raise ValueError("too late")
        return document

    keys = KeySet(load, seconds)
    first = keys.key("a")
    seconds.now += 301
    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(keys.key, "a")
        assert asked.wait(10)
        assert keys.key("a") is first
        go_on.set()
        assert hanging.result() is first
