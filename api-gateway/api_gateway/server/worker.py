"""gunicorn's gevent worker, and what a proxy needs: header lines, honest cuts, quick stops."""

import logging
import socket
import time
from typing import Any

import gevent
from gunicorn.http import wsgi
from gunicorn.workers.ggevent import GeventWorker

from api_gateway.errors import AnswerCut, ClientGone
from api_gateway.server.body import RequestBody
from api_gateway.server.refusal import refusal_of
from api_gateway.server.response import Response

logger = logging.getLogger(__name__)
# Waits for one more piece of a request body, or for the client to take one more block.
_CLIENT_SECONDS = 30.0
_LINGER_SECONDS = 2.0


class GatewayWorker(GeventWorker):
    """Serves each connection in a greenlet; a service that hangs holds up nobody else."""

    def init_process(self) -> None:
        self.idle: set[socket.socket] = set()
        super().init_process()

    def handle(self, listener: Any, client: socket.socket, addr: Any) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.idle.add(client)
        try:
            super().handle(listener, client, addr)
        finally:
            self.idle.discard(client)

    def handle_request(self, listener_name: Any, req: Any, sock: socket.socket, addr: Any) -> None:
        """Answer one request; raises StopIteration where the connection must close after it."""
        self.idle.discard(sock)
        sock.settimeout(_CLIENT_SECONDS)
        self.nr += 1
        expects, req._expected_100_continue = req._expected_100_continue, False
        response, environ = wsgi.create(
            req, sock, addr, listener_name, self.cfg, response_class=Response
        )
        environ["wsgi.multithread"] = True
        environ["gateway.fields"] = req.headers
        environ["wsgi.input"] = response.request_body = RequestBody(req, sock, expects)
        if not self.alive:
            response.force_close()
        if not self._respond(environ, response, sock):
            raise StopIteration
        if response.should_close():
            _linger(sock)
            raise StopIteration
        sock.settimeout(None)
        self.idle.add(sock)
        if not self.alive:
            raise StopIteration

    def _respond(self, environ: dict[str, Any], response: Response, sock: socket.socket) -> bool:
        """Run the application and write what it yields; False where the answer was cut off."""
        blocks = self.wsgi(environ, response.start_response)
        try:
            for block in blocks:
                response.write(block)
            response.close()
        except (AnswerCut, ClientGone, OSError):
            # Without the last chunk or the announced length the client sees the cut too.
            _cut(sock)
            return False
        except Exception:
            if not response.headers_sent:
                raise
            logger.exception("unhandled error after the head was sent")
            _cut(sock)
            return False
        finally:
            close = getattr(blocks, "close", None)
            if close is not None:
                close()
        return True

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """Refuse what is not HTTP, or not acceptable HTTP, in the platform's envelope."""
        answer = refusal_of(exc)
        if answer is None:
            logger.error("unhandled error", exc_info=exc)
            answer = refusal_of(None) or b""
        else:
            logger.warning(
                "request refused",
                extra={"cause": type(exc).__name__, "client": addr[0] if addr else None},
            )
        try:
            client.settimeout(_LINGER_SECONDS)
            client.sendall(answer)
            _linger(client)
        except OSError:
            return

    def handle_exit(self, sig: int, frame: Any) -> None:
        super().handle_exit(sig, frame)
        gevent.spawn(self._wake_idle)

    def _wake_idle(self) -> None:
        # Connections between two requests would hold up the stop until the graceful timeout.
        for client in list(self.idle):
            try:
                client.shutdown(socket.SHUT_RD)
            except OSError:
                continue


def _cut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def _linger(sock: socket.socket) -> None:
    """Let the client read the answer before the connection goes.

    Closing with unread input makes the kernel send a reset, which discards the answer at the client
    (RFC 9112 section 9.6).
    """
    deadline = time.monotonic() + _LINGER_SECONDS
    try:
        sock.shutdown(socket.SHUT_WR)
        while (left := deadline - time.monotonic()) > 0:
            sock.settimeout(left)
            if not sock.recv(65536):
                return
    except OSError:
        return
