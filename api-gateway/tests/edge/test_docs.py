"""`/openapi.json` and `/docs` of a running gateway, whatever state the services are in."""

import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from openapi_spec_validator import validate

OPENAPI = {
    "openapi": "3.1.0",
    "info": {"title": "a service", "version": "1"},
    "paths": {
        "/api/good": {"get": {"operationId": "read", "responses": {"200": {"description": "OK"}}}},
        "/api/other": {"get": {"responses": {"200": {"description": "OK"}}}},
    },
}
ETAG = b'"first"'


def serve(recorder: Any, peer: Any, head: bytes) -> bool:
    """Answer with the document, and with 304 to who has it."""
    body = json.dumps(OPENAPI).encode()
    if b"if-none-match: " + ETAG in head.lower():
        peer.sendall(b"HTTP/1.1 304 Not Modified\r\nETag: " + ETAG + b"\r\n\r\n")
    else:
        peer.sendall(
            b"HTTP/1.1 200 OK\r\nETag: " + ETAG + b"\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        peer.sendall(body)
    return True


def hang(recorder: Any, peer: Any, head: bytes) -> bool:
    """Answer nothing until the gateway gives up."""
    return bool(peer.recv(1))


def trickle(recorder: Any, peer: Any, head: bytes) -> bool:
    """Answer for ever, a byte at a time."""
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    peer.settimeout(0.1)
    while True:
        try:
            if not peer.recv(1):
                return False
        except TimeoutError:
            peer.sendall(b" ")


def garble(recorder: Any, peer: Any, head: bytes) -> bool:
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{1}")
    return True


def misunderstand(recorder: Any, peer: Any, head: bytes) -> bool:
    body = json.dumps({"openapi": "3.1.0", "info": {"title": "t"}, "paths": [1]}).encode()
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    return True


HANDLERS = {
    "good": serve,
    "hanging": hang,
    "trickling": trickle,
    "garbled": garble,
    "odd": misunderstand,
}


@pytest.fixture(scope="module")
def recorders(make_recorder: Callable[[], Any], jwks: dict[str, Any]) -> dict[str, Any]:
    made = {name: make_recorder() for name in HANDLERS}
    for name, recorder in made.items():
        recorder.handler = HANDLERS[name]
        recorder.fix("/health", {"status": "ok"})
    return made


@pytest.fixture(scope="module")
def docs(
    start_gateway: Callable[..., Any],
    service_table: Callable[..., str],
    recorders: dict[str, Any],
    free_port: Callable[[], int],
) -> Any:
    """A gateway in front of one service that is well and several that are not."""
    table = service_table("good", "GOOD_URL", 'paths = ["/.well-known/jwks.json"]', [])
    table += service_table("absent", "ABSENT_URL")
    for name in set(HANDLERS) - {"good"}:
        table += service_table(name, f"{name.upper()}_URL")
    urls = {f"{name.upper()}_URL": recorder.url for name, recorder in recorders.items()}
    return start_gateway(table, {**urls, "ABSENT_URL": f"http://127.0.0.1:{free_port()}"})


def test_services_that_fail_are_left_out_and_delay_nobody(docs: Any) -> None:
    started = time.monotonic()
    reply = docs.ask("/openapi.json")
    seconds = time.monotonic() - started

    assert reply.status == 200
    assert seconds < 1.5
    document = json.loads(reply.body)
    validate(document)
    assert document["paths"]["/api/good"]["get"]["operationId"] == "good.read"
    assert document["paths"]["/api/good"]["get"]["security"] == [{"bearerAuth": []}]
    assert "/api/other" not in document["paths"]
    reasons = {one["service"]: one["reason"] for one in document["x-unavailable"]}
    assert set(reasons) == {"absent", "hanging", "trickling", "garbled", "odd"}
    assert reasons["garbled"] == "its document is not JSON"
    assert reasons["odd"].startswith("its document cannot be used: ")
    assert all(f"`{name}`" in document["info"]["description"] for name in reasons)


def test_who_has_the_document_gets_304(docs: Any) -> None:
    first = docs.ask("/openapi.json")

    again = docs.ask("/openapi.json", headers={"If-None-Match": first.header("etag")})

    assert (again.status, again.body) == (304, b"")
    assert first.header("content-type") == "application/json"
    assert first.header("cache-control") == "no-cache"


def test_the_page_loads_nothing_from_elsewhere_and_no_inline_script(docs: Any) -> None:
    reply = docs.ask("/docs")

    page = reply.body.decode()
    policy = reply.header("content-security-policy")
    assert (reply.status, reply.header("content-type")) == (200, "text/html; charset=utf-8")
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert re.findall(r"(?:src|href)=\"((?!/)[^\"]*)", page) == []
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\bon\w+=|\bstyle=", page) == []
    loaded = re.findall(r"(?:src|href)=\"(/docs/[^\"]+)", page)
    assert len(loaded) == 5
    for target in loaded:
        assert docs.ask(target).status == 200


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("/docs/docs.js", "text/javascript"),
        ("/docs/swagger-ui-bundle.js", "text/javascript"),
        ("/docs/swagger-ui.css", "text/css"),
    ],
)
def test_files_of_the_page_have_their_type_and_are_revalidated(
    docs: Any, target: str, kind: str
) -> None:
    first = docs.ask(target)
    assert first.header("content-type").startswith(kind)
    assert len(first.body) == int(first.header("content-length")) > 1000
    again = docs.ask(target, headers={"If-None-Match": first.header("etag")})
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize(
    "target", ["/docs/index.html", "/docs/oauth2-redirect.html", "/docs/nothing", "/docs/a/b"]
)
def test_other_files_are_not_there(docs: Any, target: str) -> None:
    assert docs.ask(target).status == 404


def test_the_index_names_both(docs: Any) -> None:
    links = json.loads(docs.ask("/").body)["links"]

    assert (links["docs"], links["openapi"]) == ("/docs", "/openapi.json")
