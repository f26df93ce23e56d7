"""Sending requests: a check of one, wrk for many, and slow calls with others beside them."""

import http.client
import select
import socket
import subprocess
import time

from platform_cli.bench.figures import Load, RunVoid, parse_wrk
from platform_cli.bench.peers import FILES
from platform_cli.bench.upstream import LARGE_BYTES, SMALL_BYTES

# Scenario: path, length of the request's body, length of the answer's.
CALLS = {
    "get": ("/api/products/small", 0, SMALL_BYTES),
    "download": ("/api/products/large", 0, LARGE_BYTES),
    "upload": ("/api/products/upload", LARGE_BYTES, len('{"status":"ready"}')),
    "slow": ("/api/products/slow", 0, len('{"slow":true}')),
}


def fields_of(token: str) -> dict[str, str]:
    """Return the header fields of every request."""
    return {
        "Authorization": f"Bearer {token}",
        "Accept": "application/json",
        "Accept-Encoding": "gzip, deflate",
        "User-Agent": "platform-bench",
    }


def check(port: int, scenario: str, fields: dict[str, str]) -> None:
    """Send one request; raises RunVoid unless it is answered with 200 and the right length."""
    path, size, expected = CALLS[scenario]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST" if size else "GET", path, b"x" * size or None, fields)
        answer = connection.getresponse()
        length = len(answer.read())
    except (OSError, http.client.HTTPException) as error:
        raise RunVoid(f"{path}: {error or type(error).__name__}") from error
    finally:
        connection.close()
    if (answer.status, length) != (200, expected):
        raise RunVoid(f"{path} answered {answer.status} with {length} bytes")


def wrk(
    port: int, scenario: str, fields: dict[str, str], *, connections: int, seconds: int
) -> Load:
    """Send requests for some seconds; raises RunVoid when any of them failed."""
    path, size, _ = CALLS[scenario]
    headers = [part for name, value in fields.items() for part in ("-H", f"{name}: {value}")]
    ended = subprocess.run(
        [
            *("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s"),
            *("-s", str(FILES / "report.lua"), *headers, f"http://127.0.0.1:{port}{path}"),
            *(("--", str(size)) if size else ()),
        ],
        capture_output=True,
        text=True,
        timeout=seconds + 60,
        check=False,
    )
    return parse_wrk(ended.stdout or ended.stderr)


def slow_calls(port: int, fields: dict[str, str], calls: int = 64) -> dict[str, float]:
    """Start slow calls at once and quick ones, one after the other, until all are answered.

    Returns `total` (s, until the last slow answer), `burst` (ms, of the quick request that came
    with the slow ones and stands behind all of them) and `quick` (ms, of the slowest later one).
    """
    quick = socket.create_connection(("127.0.0.1", port), 10)
    waiting = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(calls)]
    times: list[float] = []
    try:
        started = time.perf_counter()
        for call in waiting:
            call.sendall(_request("slow", fields))
        while waiting:
            before = time.perf_counter()
            _exchange(quick, fields)
            times.append(1000 * (time.perf_counter() - before))
            answered, _, _ = select.select(waiting, [], [], 0.005)
            for call in answered:
                _expect_ok(call.recv(65536))
                waiting.remove(call)
                call.close()
            if time.perf_counter() - started > 30:
                raise RunVoid(f"{len(waiting)} slow calls unanswered after 30 s")
        total = time.perf_counter() - started
    except OSError as error:
        raise RunVoid(f"slow calls: {error}") from error
    finally:
        for connection in (quick, *waiting):
            connection.close()
    return {"total": total, "burst": times[0], "quick": max(times[1:], default=times[0])}


def _request(scenario: str, fields: dict[str, str]) -> bytes:
    lines = [f"GET {CALLS[scenario][0]} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def _exchange(connection: socket.socket, fields: dict[str, str]) -> None:
    connection.sendall(_request("get", fields))
    answer = connection.recv(65536)
    _expect_ok(answer)
    while len(answer.partition(b"\r\n\r\n")[2]) < CALLS["get"][2]:
        more = connection.recv(65536)
        if not more:
            raise RunVoid("a quick request was cut off")
        answer += more


def _expect_ok(answer: bytes) -> None:
    if not answer.startswith(b"HTTP/1.1 200"):
        raise RunVoid(f"answered {answer.partition(bytes((13, 10)))[0]!r}")
