"""How the worker frames what an application answers; the application here misbehaves on purpose."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

APPLICATION = '''
class Blocks:
    """Blocks that note in a file when they are closed."""

    def __init__(self, environ, *blocks):
        self.environ, self.blocks = environ, iter(blocks)

    def __iter__(self):
        return self

    def __next__(self):
        block = next(self.blocks)
        if block == b"fail":
            raise RuntimeError("on purpose")
        return block

    def close(self):
        with open("closed", "a") as file:
            file.write(self.environ["PATH_INFO"] + "\\n")


def application(environ, start_response):
    path = environ["PATH_INFO"]
    status, fields, blocks = ANSWERS[path]
    if path == "/environ":
        blocks = ["\\n".join(f"{key}={environ[key]}" for key in sorted(environ)).encode("latin-1")]
    if path == "/lines":
        blocks = [b"|".join([environ["wsgi.input"].readline(4), *environ["wsgi.input"]])]
    if path == "/read":
        blocks = [environ["wsgi.input"].read(3), b"|", environ["wsgi.input"].read()]
    if path == "/early":
        raise RuntimeError("on purpose")
    start_response(status, list(fields))
    return Blocks(environ, *blocks)


OK = "200 OK"
ANSWERS = {
    "/plain": (OK, [("Content-Length", "4")], [b"ab", b"cd"]),
    "/chunked": (OK, [], [b"ab", b"", b"c" * 20000, b"d"]),
    "/empty": (OK, [], []),
    "/short": (OK, [("Content-Length", "4")], [b"ab"]),
    "/nothing": (OK, [("Content-Length", "4")], []),
    "/long": (OK, [("Content-Length", "4")], [b"ab", b"cdef", b"gh"]),
    "/long-at-once": (OK, [("Content-Length", "4")], [b"abcdef"]),
    "/fail": (OK, [], [b"ab", b"fail"]),
    "/fail-first": (OK, [], [b"fail"]),
    "/no-content": ("204 No Content", [("Content-Length", "4")], [b"abcd"]),
    "/not-modified": ("304 Not Modified", [("Content-Length", "4")], []),
    "/split-value": (OK, [("A", "b\\r\\nC: d")], [b"ab"]),
    "/split-feed": (OK, [("A", "b\\nC: d")], [b"ab"]),
    "/nul": (OK, [("A", "b\\0")], [b"ab"]),
    "/split-name": (OK, [("A: b\\r\\nC", "d")], [b"ab"]),
    "/split-status": ("200 OK\\r\\nA: b", [], [b"ab"]),
    "/framing": (OK, [("Connection", "x"), ("Transfer-Encoding", "gzip")], [b"ab"]),
    "/dated": (OK, [("Date", "then"), ("Content-Length", "0")], []),
    "/environ": (OK, [], []),
    "/lines": (OK, [], []),
    "/read": (OK, [], []),
    "/early": (OK, [], []),
    "/health/live": (OK, [("Content-Length", "0")], []),
}
'''


class Server:
    """A worker with the application, and what it noted."""

    def __init__(self, process: Any, folder: Path) -> None:
        self.process, self.folder = process, folder

    def ask(self, path: str, method: str = "GET", version: str = "1.1", more: str = "") -> bytes:
        """Send a request and a second one behind it; return all that comes until the end."""
        with self.process.wire() as wire:
            wire.send(f"{method} {path} HTTP/{version}\r\nHost: h\r\n{more}".encode())
            wire.send(b"GET /health/live HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            seen: bytes = wire.rest()
        return seen

    def closed(self) -> list[str]:
        """Return the paths whose blocks were closed."""
        return (self.folder / "closed").read_text().splitlines()


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int], launch: Any
) -> Server:
    folder, port = tmp_path_factory.mktemp("application"), free_port()
    (folder / "misbehaving.py").write_text(APPLICATION)
    worker = "api_gateway.server.worker.GatewayWorker"
    options = ["--bind", f"127.0.0.1:{port}", "--worker-class", worker, "--no-control-socket"]
    process = launch(folder, port, {}, "gunicorn", *options, "misbehaving:application")
    return Server(process, folder)


def parts(answer: bytes) -> tuple[list[bytes], bytes]:
    """Return the lines of the first answer's head, and all that follows it."""
    head, _, rest = answer.partition(b"\r\n\r\n")
    return head.split(b"\r\n"), rest


FOLLOWED = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"


@pytest.mark.parametrize(
    ("method", "path", "line", "body"),
    [
        ("GET", "/plain", b"Content-Length: 4", b"abcd"),
        ("HEAD", "/plain", b"Content-Length: 4", b""),
        ("GET", "/chunked", b"Transfer-Encoding: chunked",
         b"2\r\nab\r\n4e20\r\n" + b"c" * 20000 + b"\r\n1\r\nd\r\n0\r\n\r\n"),
        ("HEAD", "/chunked", None, b""),
        ("GET", "/empty", b"Transfer-Encoding: chunked", b"0\r\n\r\n"),
        ("GET", "/no-content", None, b""),
        ("GET", "/not-modified", b"Content-Length: 4", b""),
        ("GET", "/framing", b"Transfer-Encoding: chunked", b"2\r\nab\r\n0\r\n\r\n"),
    ],
)  # fmt: skip
def test_answer_is_framed_by_what_it_is(
    server: Server, method: str, path: str, line: bytes | None, body: bytes
) -> None:
    lines, rest = parts(server.ask(path, method, more="\r\n"))
    framing = [line for line in lines if line.startswith((b"Content-Length", b"Transfer"))]
    assert framing == ([line] if line else [])
    assert rest.startswith(body + FOLLOWED)
    assert not any(line.startswith(b"Connection") for line in lines)


@pytest.mark.parametrize(
    ("path", "body"), [("/chunked", b"ab" + b"c" * 20000 + b"d"), ("/empty", b"")]
)
def test_http_1_0_gets_a_body_that_ends_with_the_connection(
    server: Server, path: str, body: bytes
) -> None:
    lines, rest = parts(server.ask(path, version="1.0", more="Connection: keep-alive\r\n\r\n"))
    assert rest == body
    assert b"Connection: close" in lines
    assert not any(line.startswith(b"Transfer-Encoding") for line in lines)


def test_http_1_0_stays_connected_where_it_asks_and_a_length_is_known(server: Server) -> None:
    lines, rest = parts(server.ask("/plain", version="1.0", more="Connection: keep-alive\r\n\r\n"))
    assert b"Connection: keep-alive" in lines
    assert rest.startswith(b"abcd" + FOLLOWED)


@pytest.mark.parametrize(
    ("path", "body"), [("/short", b"ab"), ("/fail", b"2\r\nab\r\n")], ids=["short", "fails"]
)
def test_answer_that_breaks_off_is_cut_off(server: Server, path: str, body: bytes) -> None:
    assert parts(server.ask(path, more="\r\n"))[1] == body


@pytest.mark.parametrize("path", ["/long", "/long-at-once"])
def test_answer_longer_than_announced_is_cut_to_its_length(server: Server, path: str) -> None:
    assert parts(server.ask(path, more="\r\n"))[1] == b"abcd"


@pytest.mark.parametrize(
    "path",
    ["/fail-first", "/early", "/nothing", "/split-value", "/split-feed", "/nul", "/split-name",
     "/split-status"],
)  # fmt: skip
def test_answer_that_cannot_be_sent_is_500(server: Server, path: str) -> None:
    lines, rest = parts(server.ask(path, more="\r\n"))
    assert (lines[0], b"Connection: close" in lines) == (
        b"HTTP/1.1 500 Internal Server Error",
        True,
    )
    assert not any(line.startswith((b"A:", b"C:")) for line in lines)
    assert b'"code":"internal_error"' in rest and b"on purpose" not in rest


@pytest.mark.parametrize("path", ["/plain", "/short", "/long", "/fail", "/fail-first", "/nothing"])
def test_blocks_are_closed_however_the_answer_ends(server: Server, path: str) -> None:
    before = server.closed().count(path) if (server.folder / "closed").exists() else 0
    server.ask(path, more="\r\n")
    assert server.closed().count(path) == before + 1


def test_date_is_set_where_the_application_has_none(server: Server) -> None:
    assert b"Date: then" in parts(server.ask("/dated", more="\r\n"))[0]
    lines, _ = parts(server.ask("/plain", more="\r\n"))
    (date,) = [line for line in lines if line.startswith(b"Date: ")]
    assert date.endswith(b" GMT") and len(date) == len("Date: Wed, 21 Oct 2026 07:28:00 GMT")


def test_environ_is_what_pep_3333_asks_for(server: Server) -> None:
    more = "Cookie: a=1\r\nX-A: b\r\nCookie: c=2\r\nX-A: d\r\nX_A: e\r\nContent-Length: 2\r\n\r\nhi"
    answer = server.ask("/%65nviron?q=%2F&r", "POST", more=more)
    environ = dict(
        line.split("=", 1) for line in answer.decode("latin-1").splitlines() if "=" in line
    )
    wanted = {
        "REQUEST_METHOD": "POST", "SCRIPT_NAME": "", "PATH_INFO": "/environ",
        "QUERY_STRING": "q=%2F&r", "RAW_URI": "/%65nviron?q=%2F&r", "CONTENT_LENGTH": "2",
        "SERVER_NAME": "127.0.0.1", "SERVER_PORT": str(server.process.port), "HTTP_HOST": "h",
        "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1", "wsgi.url_scheme": "http",
        "wsgi.version": "(1, 0)", "wsgi.multithread": "True", "wsgi.multiprocess": "False",
        "wsgi.run_once": "False", "wsgi.input_terminated": "True",
        "HTTP_COOKIE": "a=1; c=2", "HTTP_X_A": "b,d",
        "gateway.fields": "[('HOST', 'h'), ('COOKIE', 'a=1'), ('X-A', 'b'), ('COOKIE', 'c=2'), "
        "('X-A', 'd'), ('CONTENT-LENGTH', '2')]",
    }  # fmt: skip
    assert {key: environ.get(key) for key in wanted} == wanted
    assert {"wsgi.input", "wsgi.errors", "REMOTE_PORT", "gunicorn.socket"} <= set(environ)


@pytest.mark.parametrize(
    "framed",
    ["Content-Length: 12\r\n\r\nabcdefg\nh\nij",
     "Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n7\r\nfg\nh\nij\r\n0\r\n\r\n"],
    ids=["length", "chunked"],
)  # fmt: skip
def test_body_can_be_read_by_size_and_by_line(server: Server, framed: str) -> None:
    assert b"\r\nabcd|efg\n|h\n|ij\r\n" in server.ask("/lines", "POST", more=framed)
    assert b"abc\r\n1\r\n|\r\n9\r\ndefg\nh\nij\r\n" in server.ask("/read", "POST", more=framed)
