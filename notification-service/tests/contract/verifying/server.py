"""What the verifying servers share: HTTP, misbehaviour on demand, and the books."""

import json
import ssl
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self

from verifying.wire import Message, Push, Refused, Reply, Request

# What the next request meets instead of a plain answer. "fail", "throttle": the provider's own
# error, nothing accepted. "broken", "overload", "redirect", "babble": a proxy's 502, 503, 302, and
# 200 without a word of the provider's. "hang": no answer, nothing accepted. "lose": accepted, then
# the connection breaks. "lose_slowly": accepted, then no answer.
Act = Literal[
    "ok",
    "fail",
    "throttle",
    "broken",
    "overload",
    "redirect",
    "babble",
    "hang",
    "lose",
    "lose_slowly",
]


_OF_A_PROXY = {
    "broken": Reply(502, "<html>bad gateway</html>"),
    "overload": Reply(503, "<html>busy</html>", {"Retry-After": "7"}),
    "redirect": Reply(302, "", {"Location": "/elsewhere"}),
    "babble": Reply(200, "<html>welcome to our portal</html>"),
}


class VerifyingServer(ABC):
    """One provider; use it as a context manager. Safe to ask while it serves."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.requests: list[Request] = []
        self.refusals: list[str] = []
        self.authentications: list[str] = []
        self._acts: deque[Act | Refused] = deque()
        self._always: Act = "ok"
        self._nonces: set[str] = set()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._http = _Http(("127.0.0.1", 0), _handler(self))

    def __enter__(self) -> Self:
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"127.0.0.1:{self._http.server_address[1]}"

    @property
    def url(self) -> str:
        """What an adapter takes for its endpoint."""
        return f"http://{self.address}"

    def wrap(self, context: ssl.SSLContext) -> None:
        """Speak TLS with connections from now on."""
        self._http.socket = context.wrap_socket(
            self._http.socket, server_side=True, do_handshake_on_connect=False
        )

    def counts(self) -> Counter[str]:
        """Return how often each of our ids was accepted."""
        with self._lock:
            return Counter(message.id for message in self.messages)

    def next(self, *acts: Act | Refused) -> None:
        """Say what the next requests meet, one after another."""
        self._acts.extend(acts)

    def always(self, act: Act) -> None:
        """Say what all requests meet from now on, unless `next` says otherwise."""
        self._always = act

    def accept(self, message_id: str, to: str, fields: Mapping[str, Any]) -> Message:
        """Enter a message in the books."""
        with self._lock:
            message = Message(
                message_id, to, self.make_id(len(self.messages) + 1), fields, time.time()
            )
            self.messages.append(message)
        return message

    def use_nonce(self, nonce: str, refusal: Refused) -> None:
        """Raise `refusal` if the nonce is missing or was used before."""
        with self._lock:
            if not nonce or nonce in self._nonces:
                raise refusal
            self._nonces.add(nonce)

    def answer(self, request: Request) -> Reply | None:
        """Return the reply to a request, or None to break the connection."""
        self.requests.append(request)
        act = self._acts.popleft() if self._acts else self._always
        if isinstance(act, str) and act in _OF_A_PROXY:
            return _OF_A_PROXY[act]
        if act == "hang":
            self._closing.wait()
            return None
        try:
            self.verify(request)
            if isinstance(act, Refused):
                raise act
            if act in ("fail", "throttle"):
                raise self.failure() if act == "fail" else self.throttling()
            reply = self.handle(request)
        except Refused as refused:
            self.refusals.append(refused.code)
            return self.refusal(refused)
        if act == "lose_slowly":
            self._closing.wait()
        return reply if act == "ok" else None

    @abstractmethod
    def environment(self) -> dict[str, str]:
        """Return the variables that point our adapter here."""

    @abstractmethod
    def make_id(self, number: int) -> str:
        """Return the provider's id of its message `number`."""

    @abstractmethod
    def verify(self, request: Request) -> None:
        """Raise Refused unless the request is authentic, in time and new."""

    @abstractmethod
    def handle(self, request: Request) -> Reply:
        """Do what an authentic request asks for."""

    @abstractmethod
    def refusal(self, refused: Refused) -> Reply:
        """Return the provider's error."""

    @abstractmethod
    def failure(self) -> Refused:
        """Return the provider's passing error."""

    @abstractmethod
    def throttling(self) -> Refused:
        """Return what the provider says to an account that calls too often."""

    @abstractmethod
    def receipt(self, message: Message, *, delivered: bool, callback: str) -> Push:
        """Return the receipt of a message, to be posted to `callback`."""


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    # With the default of 5, connections of many threads at once wait a second for their second try.
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that break off; anything else is a mistake of ours."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def _handler(server: VerifyingServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # One packet for each reply: the client's delayed acknowledgements cost 40 ms otherwise.
        wbufsize = -1

        def _serve(self) -> None:
            path, _, query = self.path.partition("?")
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = server.answer(Request(self.command, path, query, headers, body))
            if reply is None:
                self.close_connection = True
                return
            raw = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
            self.send_response(reply.status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(raw.encode())))
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw.encode())

        do_GET = do_POST = _serve

        def log_message(self, format: str, *args: Any) -> None:
            """Be silent."""

    return Handler
