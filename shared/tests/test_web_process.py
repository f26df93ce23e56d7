"""The web process of a service as it really runs: gunicorn, keys over HTTP, SIGTERM."""

import gc
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask

from chassis.main import gunicorn_options

ROOT = Path(__file__).parents[2]


@pytest.fixture
def environment(
    postgres_url: Callable[[str], str],
    redis_url: str,
    upstream: Any,
    jwks: dict[str, Any],
    respond: Callable[..., Any],
    closed_port: int,
) -> dict[str, str]:
    """The environment of a demo service on stores of its own, and a publisher of keys."""
    upstream.answer = respond(200, json.dumps(jwks).encode())
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT / 'shared'}:{ROOT / 'shared/tests/demo'}",
        "PLATFORM_ENV": "production",
        "DATABASE_URL": postgres_url("web"),
        "REDIS_URL": redis_url,
        "SECRET_KEY": "a secret of this test",
        "JWKS_URL": f"{upstream.url}/.well-known/jwks.json",
        "PORT": str(closed_port),
    }


def run(role: str, environment: dict[str, str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "demo_service", role]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True)


@pytest.fixture
def web(
    environment: dict[str, str], eventually: Callable[..., None]
) -> Iterator[subprocess.Popen[str]]:
    """The web process, migrated and ready."""
    migration = run("migrate", environment)
    assert migration.communicate(timeout=60)[1] == "" and migration.returncode == 0
    process = run("web", environment)
    eventually(lambda: ready(environment), timeout=30)
    yield process
    process.kill()
    process.communicate()


def url(environment: dict[str, str], path: str) -> str:
    return f"http://127.0.0.1:{environment['PORT']}{path}"


def ready(environment: dict[str, str]) -> bool:
    try:
        return requests.get(url(environment, "/health/ready"), timeout=5).status_code == 200
    except requests.ConnectionError:
        return False


def raw(environment: dict[str, str], request: bytes) -> tuple[int, bytes]:
    """Send bytes as they are; returns the status and the rest of the answer."""
    with socket.create_connection(("127.0.0.1", int(environment["PORT"])), timeout=10) as peer:
        peer.sendall(request)
        answer = b""
        while chunk := peer.recv(65_536):
            answer += chunk
    return int(answer.split(b" ", 2)[1]), answer.partition(b"\r\n\r\n")[2]


def test_sigterm_lets_requests_in_flight_finish(
    web: subprocess.Popen[str], environment: dict[str, str], auth: Any
) -> None:
    headers = {**auth(), "Idempotency-Key": "k", "Prefer": "wait=2"}
    post = {"json": {"name": "a"}, "headers": headers, "timeout": 20}
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(requests.post, url(environment, "/api/demo/orders"), **post)
        deadline = time.monotonic() + 10
        while not requests.get(url(environment, "/api/demo"), timeout=5).json()["data"]:
            assert time.monotonic() < deadline
        web.send_signal(signal.SIGTERM)
        answer = held.result()
    assert (answer.status_code, answer.json()["data"]["status"]) == (202, "pending")
    output, errors = web.communicate(timeout=20)
    assert web.returncode == 0
    assert "Traceback" not in output + errors
    logged = [json.loads(line) for line in output.splitlines()]
    assert {"service", "event", "request_id", "status"} <= set(logged[-1])


def test_what_a_server_lets_through_is_never_a_5xx(
    web: subprocess.Popen[str], environment: dict[str, str]
) -> None:
    tail = b"Host: x\r\nConnection: close\r\n"
    get = b"GET /api/demo HTTP/1.1\r\n" + tail
    status, body = raw(environment, get + b"SCRIPT_NAME: /api\r\n\r\n")
    assert (status, json.loads(body)["success"]) == (200, True)
    status, body = raw(environment, get + b"Script-Name: /nothing\r\nPath-Info: /metrics\r\n\r\n")
    assert (status, json.loads(body)["success"]) == (200, True)
    path = b"GET /api/demo/named/%00 HTTP/1.1\r\n" + tail + b"\r\n"
    assert raw(environment, path)[0] == 404
    for host in (b"", b"a b", b"\xff", b"x/y"):
        request = b"GET /api/demo HTTP/1.1\r\nConnection: close\r\nHost: " + host + b"\r\n\r\n"
        assert raw(environment, request)[0] < 500, (host, raw(environment, request))
    post = b"POST /api/demo HTTP/1.1\r\nContent-Type: application/json\r\n" + tail
    deep = b"[" * 100_000
    length = b"Content-Length: %d\r\n\r\n" % len(deep)
    assert raw(environment, post + length + deep)[0] == 400
    huge = b"Content-Length: 99999999999\r\n\r\n{}"
    assert raw(environment, post + huge)[0] == 413
    chunked = b"Transfer-Encoding: chunked\r\n\r\n"
    body = b"F\r\n" + b'{"name": "abc"}' + b"\r\n0\r\n\r\n"
    assert raw(environment, post + chunked + body)[0] == 201
    endless = (b"10000\r\n" + b" " * 65_536 + b"\r\n") * 17 + b"0\r\n\r\n"
    assert raw(environment, post + chunked + endless)[0] == 413
    broken = b"zz\r\n{}\r\n0\r\n\r\n"
    assert 400 <= raw(environment, post + chunked + broken)[0] < 500


def test_a_bad_environment_ends_the_process_with_every_name(environment: dict[str, str]) -> None:
    del environment["SECRET_KEY"]
    process = run("web", {**environment, "WEB_THREADS": "many", "LOG_FORMAT": "xml"})
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 78
    assert errors.strip() == (
        "demo_service: configuration: SECRET_KEY is missing; WEB_THREADS is not a valid int;"
        " LOG_FORMAT must be json or console"
    )
    assert output == ""


@pytest.mark.parametrize("arguments", [[], ["serve"]])
def test_an_unknown_role_says_which_there_are(arguments: list[str]) -> None:
    from chassis.main import main

    with pytest.raises(SystemExit) as caught:
        main("demo_service", arguments)
    assert caught.value.code == 2


def test_the_collector_leaves_what_main_process_and_workers_share_alone(app: Flask) -> None:
    before = gc.get_freeze_count()
    gunicorn_options(app)["when_ready"](None)
    frozen = gc.get_freeze_count()
    gc.unfreeze()
    assert frozen > before
