"""One request to real sockets: what is sent again, what counts as a failure, what is freed."""

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest

from api_gateway.errors import (
    AnswerCut,
    BadUpstreamAnswer,
    BodyTooLarge,
    ClientGone,
    NoHealthyInstance,
    Overloaded,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from api_gateway.routes import Timeouts
from api_gateway.upstreams.connection import Connection
from api_gateway.upstreams.request import Request, Terms
from api_gateway.upstreams.upstream import Upstream

KEY = "Idempotency-Key: order-1\r\n"
HEAD = b"HTTP/1.1 200 OK\r\n"
OK = HEAD + b"Content-Length: 2\r\n\r\n{}"
PATIENT, SHORT = Timeouts(1.0, 2.0, 0.0), Timeouts(1.0, 0.2, 0.0)


def hang_up(_recorder: Any, _peer: Any, _head: bytes) -> bool:
    return False


def break_off(_recorder: Any, peer: Any, _head: bytes) -> bool:
    peer.sendall(b"HTTP/1.1 2")
    return False


def hang(_recorder: Any, peer: Any, _head: bytes) -> bool:
    return bool(peer.recv(1))


def be_unable(_recorder: Any, peer: Any, _head: bytes) -> bool:
    peer.sendall(b"HTTP/1.1 503 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    return False


class Pair:
    """Two upstreams of one service; the first one is asked first, as the other one looks busy."""

    def __init__(self, first: Any, second: Any, make_route: Callable[..., Any]) -> None:
        self.recorders = [first, second]
        netlocs = [f"127.0.0.1:{recorder.port}" for recorder in self.recorders]
        self.upstream = Upstream(make_route("shop", *netlocs, max_in_flight=2))
        self.upstream.instances[1].in_flight += 1

    def ask(self, method: str, *fields: str, **more: Any) -> int:
        """Return the status of the answer, read to its end."""
        body = more.pop("body", b"")
        lines = [*fields, f"Content-Length: {len(body)}\r\n"] if body else list(fields)
        answer = self.upstream.ask(Request(method, "/x", lines, body), **more)
        try:
            for _ in answer:
                pass
        finally:
            answer.close()
        return answer.status

    @property
    def hits(self) -> list[int]:
        return [len(recorder.heads) for recorder in self.recorders]


@pytest.fixture
def pair(make_recorder: Callable[..., Any], make_route: Callable[..., Any]) -> Iterator[Pair]:
    made = Pair(make_recorder(), make_recorder(), make_route)
    yield made
    made.upstream.instances[1].in_flight -= 1
    # Whatever happened, nothing is still counted as running.
    running = [one.in_flight for one in made.upstream.instances]
    assert (made.upstream.in_flight, running) == (0, [0, 0])
    made.upstream.retire()


SAFE = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]


@pytest.mark.parametrize("method", [*SAFE, "POST", "PATCH"])
def test_request_that_found_nobody_goes_to_another_instance(pair: Pair, method: str) -> None:
    pair.recorders[0].stop()
    assert pair.ask(method) == 200
    assert pair.hits == [0, 1]
    assert pair.upstream.instances[0].retries == 1


@pytest.mark.parametrize(("method", "fields"), [*((one, []) for one in SAFE), ("POST", [KEY])])
def test_repeatable_request_that_was_lost_goes_to_another_instance(
    pair: Pair, method: str, fields: list[str]
) -> None:
    pair.recorders[0].handler = hang_up
    assert pair.ask(method, *fields) == 200
    assert pair.hits == [1, 1]


@pytest.mark.parametrize(
    "fields",
    [[], [KEY, KEY], ["Idempotency-Key: \r\n"], [f"Idempotency-Key: {'x' * 256}\r\n"]],
    ids=["none", "two", "empty", "too long"],
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_lost_request_that_may_have_had_its_effect_is_not_repeated(
    pair: Pair, method: str, fields: list[str]
) -> None:
    pair.recorders[0].handler = hang_up
    with pytest.raises(BadUpstreamAnswer):
        pair.ask(method, *fields)
    assert pair.hits == [1, 0]


@pytest.mark.parametrize(("method", "fields"), [("GET", []), ("PUT", []), ("POST", [KEY])])
@pytest.mark.parametrize(
    ("failure", "error"), [(break_off, BadUpstreamAnswer), (hang, UpstreamTimeout)]
)
def test_nothing_is_repeated_after_a_byte_came_or_time_went_by(
    pair: Pair, method: str, fields: list[str], failure: Any, error: type[Exception]
) -> None:
    pair.recorders[0].handler = failure
    with pytest.raises(error):
        pair.ask(method, *fields, timeouts=SHORT)
    assert pair.hits == [1, 0]


@pytest.mark.parametrize("method", [*SAFE, "POST"])
def test_answer_is_never_asked_for_twice(pair: Pair, method: str) -> None:
    pair.recorders[0].handler = be_unable
    assert pair.ask(method, KEY) == 503
    assert (pair.hits, pair.upstream.instances[0].standing.failures) == ([1, 0], 1)


def test_body_that_was_partly_read_is_not_sent_again(pair: Pair) -> None:
    pair.recorders[0].handler = hang_up
    request = Request("PUT", "/x", ["Content-Length: 4\r\n"], iter([b"ab", b"cd"]))
    with pytest.raises(BadUpstreamAnswer):
        pair.upstream.ask(request)
    assert pair.hits == [1, 0]


def test_second_failure_is_the_end(pair: Pair) -> None:
    pair.recorders[0].handler = pair.recorders[1].handler = hang_up
    with pytest.raises(BadUpstreamAnswer):
        pair.ask("GET")
    assert pair.hits == [1, 1]


def test_nothing_is_repeated_when_the_budget_is_spent(pair: Pair) -> None:
    pair.recorders[0].handler = hang_up
    while pair.upstream.budget.spend():
        pass
    with pytest.raises(BadUpstreamAnswer):
        pair.ask("GET")
    assert pair.hits == [1, 0]


def test_request_goes_to_the_same_instance_again_where_there_is_no_other(
    make_recorder: Callable[..., Any], make_route: Callable[..., Any]
) -> None:
    recorder = make_recorder()
    recorder.handler = hang_up
    upstream = Upstream(make_route("shop", f"127.0.0.1:{recorder.port}"))
    with pytest.raises(BadUpstreamAnswer):
        upstream.ask(Request("GET", "/x", []))
    assert len(recorder.heads) == 2
    recorder.stop()
    with pytest.raises(UpstreamUnreachable):
        upstream.ask(Request("GET", "/x", []))
    assert upstream.instances[0].standing.failures == 3


def test_send_on_a_closed_connection_touches_nothing() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.close()
    connection = Connection(ours, Terms(PATIENT))
    connection.begin(Terms(PATIENT))
    with pytest.raises(BrokenPipeError):
        connection.send(b"POST / HTTP/1.1\r\n\r\n")
    assert not connection.touched
    connection.close()


def test_fifth_silence_ejects_and_later_requests_fail_at_once(
    make_recorder: Callable[..., Any], make_route: Callable[..., Any]
) -> None:
    recorder = make_recorder()
    recorder.handler = hang
    upstream = Upstream(make_route("shop", f"127.0.0.1:{recorder.port}", timeouts=SHORT))
    outcomes = []
    for _ in range(8):
        try:
            upstream.ask(Request("GET", "/x", []))
        except (UpstreamTimeout, NoHealthyInstance) as error:
            outcomes.append((error.status, error.code))
    assert outcomes[:6] == [(504, "gateway.upstream_timeout")] * 6
    assert outcomes[6:] == [(503, "gateway.no_healthy_instance")] * 2
    assert upstream.snapshot()["instances"][0]["ejections"] == 1


def test_service_that_answers_badly_is_asked_on_when_it_is_alone(
    make_recorder: Callable[..., Any], make_route: Callable[..., Any]
) -> None:
    recorder = make_recorder()
    recorder.handler = be_unable
    upstream = Upstream(make_route("shop", f"127.0.0.1:{recorder.port}"))
    assert [upstream.ask(Request("GET", "/x", [])).status for _ in range(8)] == [503] * 8
    assert upstream.instances[0].standing.status == "unhealthy"


def test_connection_closed_before_the_request_left_costs_nothing(
    make_recorder: Callable[..., Any], make_route: Callable[..., Any]
) -> None:
    recorder = make_recorder()
    upstream = Upstream(make_route("shop", f"127.0.0.1:{recorder.port}"))
    upstream.ask(Request("GET", "/first", [])).close()
    # Both begin in one turn of the loop, at whose end the request would be sent.
    asking = gevent.spawn(upstream.ask, Request("POST", "/second", []))
    gevent.spawn(recorder.hang_up)
    assert asking.get().status == 200
    assert recorder.lines == [b"GET /first HTTP/1.1", b"POST /second HTTP/1.1"]
    assert upstream.instances[0].standing.failures == 0
    assert upstream.instances[0].retries == 0


def test_plain_500_is_no_failure(pair: Pair) -> None:
    pair.recorders[0].answer = b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"
    assert [pair.ask("GET") for _ in range(8)] == [500] * 8
    assert pair.upstream.instances[0].standing.failures == 0


def test_what_the_client_does_is_no_failure(pair: Pair) -> None:
    def too_much() -> Iterator[bytes]:
        yield b"x"
        raise BodyTooLarge

    def reset() -> Iterator[bytes]:
        yield b"x"
        raise ConnectionResetError

    pair.recorders[0].handler = hang
    with pytest.raises(ClientGone):
        pair.ask("GET", client_gone=lambda: True)
    for body, error in ((too_much(), BodyTooLarge), (reset(), ClientGone)):
        with pytest.raises(error):
            pair.upstream.ask(Request("POST", "/x", ["Content-Length: 9\r\n"], body))
    assert pair.upstream.instances[0].standing.failures == 0


def test_time_that_the_client_takes_for_its_body_is_not_the_services(pair: Pair) -> None:
    def trickle() -> Iterator[bytes]:
        while True:
            gevent.sleep(0.05)
            yield b"x"

    request = Request("POST", "/x", ["Content-Length: 9999\r\n"], trickle())
    pair.recorders[0].handler = hang
    with pytest.raises(UpstreamTimeout):
        pair.upstream.ask(request, timeouts=Timeouts(1.0, 2.0, 0.2))
    assert pair.upstream.instances[0].standing.failures == 0


def test_total_time_bounds_the_wait_for_the_head(pair: Pair) -> None:
    pair.recorders[0].handler = hang
    with pytest.raises(UpstreamTimeout, match="shop service"):
        pair.ask("GET", timeouts=Timeouts(1.0, 9.0, 0.2))


def test_total_time_cuts_a_body_that_goes_on_and_on(pair: Pair) -> None:
    pause = threading.Event()

    def go_on(_recorder: Any, peer: Any, _head: bytes) -> bool:
        peer.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        while True:
            peer.sendall(b"1\r\nx\r\n")
            pause.wait(0.02)

    pair.recorders[0].handler = go_on
    with pytest.raises(AnswerCut, match="longer than allowed"):
        pair.ask("GET", timeouts=Timeouts(1.0, 9.0, 0.3))


def test_service_with_enough_to_do_refuses_more_until_an_answer_has_ended(pair: Pair) -> None:
    def stream(_recorder: Any, peer: Any, _head: bytes) -> bool:
        peer.sendall(HEAD + b"\r\ndata: 1\n\n")
        return bool(peer.recv(1))

    for recorder in pair.recorders:
        recorder.handler = stream
    running = [pair.upstream.ask(Request("GET", "/x", [])) for _ in range(2)]
    with pytest.raises(Overloaded) as refusal:
        pair.ask("GET")
    assert (refusal.value.status, refusal.value.headers) == (503, {"Retry-After": "1"})
    assert (pair.upstream.in_flight, pair.upstream.refused) == (2, 1)
    running.pop().close()
    running.append(pair.upstream.ask(Request("GET", "/x", [])))
    for answer in running:
        answer.close()


def test_pooled_connection_that_the_service_closes_is_dropped_at_once(pair: Pair) -> None:
    woken = gevent.event.Event()
    pair.upstream.instances[0].wake = woken.set
    assert pair.ask("GET") == 200
    pair.recorders[0].kill()
    assert woken.wait(30)
    assert pair.ask("POST") == 200
    assert pair.hits == [1, 1]
