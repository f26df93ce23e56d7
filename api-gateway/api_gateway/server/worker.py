"""gunicorn's gevent worker with an own loop for each connection: gunicorn keeps the processes."""

import logging
import sys
from collections.abc import Iterable
from functools import partial
from time import monotonic
from typing import Any

import gevent
from gevent.event import Event
from gevent.pool import Pool
from gevent.server import StreamServer
from gunicorn.workers.ggevent import GeventWorker

from api_gateway.config import Config
from api_gateway.errors import AnswerCut, ClientGone
from api_gateway.server.body import NoBody, body_of
from api_gateway.server.connection import HEAD_BLOCK, Connection
from api_gateway.server.head import Environ, Request, read_head
from api_gateway.server.refusal import HeadTooSlow, refusal
from api_gateway.server.response import Response, close_blocks
from chassis.exceptions import ServiceError

logger = logging.getLogger(__name__)
# How late a time-out may be, and how often gunicorn's arbiter hears that all is well.
_TICK_SECONDS = 0.5
_LINGER_SECONDS = 2.0
# How long an idle connection may still be read from after it was closed from here, so that a
# request that is on its way meets an orderly end instead of a reset.
_FAREWELL_SECONDS = 0.5
# How long a connection that has sent nothing yet may hold up a stop.
_GREETING_SECONDS = 1.0


class GatewayWorker(GeventWorker):
    """Serves each connection in a greenlet; a service that hangs holds up nobody else."""

    alive: bool
    wake: Event | None = None

    def run(self) -> None:
        """Serve until stopped, then let running requests finish within `graceful_timeout`."""
        self.connections: set[Connection] = set()
        wake = self.wake = Event()
        config = Config.from_env()
        self.head_seconds = config.client_head_timeout
        self.body_seconds = config.client_body_timeout
        self.idle_seconds = float(self.cfg.keepalive)
        pool = Pool(self.worker_connections)
        servers = [self._listen(sock, pool) for sock in self.sockets]
        while self.alive:
            self.notify()
            self._keep_time()
            wake.wait(_TICK_SECONDS)
        for server in servers:
            server.close()
        self._drain(pool)

    def _listen(self, sock: Any, pool: Pool) -> StreamServer:
        sock.setblocking(True)
        host, port = sock.getsockname()[:2]
        template = {
            "SERVER_NAME": host, "SERVER_PORT": str(port), "SERVER_SOFTWARE": "gunicorn",
            "SERVER_PROTOCOL": "HTTP/1.1", "SCRIPT_NAME": "", "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http", "wsgi.errors": sys.stderr, "wsgi.multithread": True,
            "wsgi.multiprocess": self.cfg.workers > 1, "wsgi.run_once": False,
            "wsgi.input_terminated": True,
        }  # fmt: skip
        server = StreamServer(sock, handle=partial(self.handle, template), spawn=pool)
        if self.cfg.workers > 1:
            server.max_accept = 1
        server.start()
        return server

    def _keep_time(self) -> None:
        now = monotonic()
        for connection in list(self.connections):
            connection.expire(now)

    def _drain(self, pool: Pool) -> None:
        end = monotonic() + self.cfg.graceful_timeout
        greeted = min(end, monotonic() + _GREETING_SECONDS)
        while monotonic() < end:
            self.notify()
            for connection in self.connections:
                if connection.idle:
                    connection.hurry(0.0 if connection.used else greeted)
            self._keep_time()
            if pool.join(timeout=0.2):
                return
        logger.warning("requests still ran at the end of the graceful stop")
        pool.kill(block=True, timeout=1)

    def handle_exit(self, sig: int, frame: Any) -> None:
        super().handle_exit(sig, frame)
        self._stop()

    def _stop(self) -> None:
        self.alive = False
        # A stop may come while the application is still being loaded.
        if self.wake is not None:
            self.wake.set()

    def handle(self, template: Environ, client: Any, address: Any) -> None:
        """Serve one connection to its end. template: what environ holds for all of them."""
        connection = Connection(client.detach())
        self.connections.add(connection)
        peer = {"REMOTE_ADDR": address[0], "REMOTE_PORT": str(address[1])}
        try:
            self._serve(connection, template | peer | {"gunicorn.socket": connection.sock})
        except OSError:
            pass  # The client is gone.
        except ServiceError as error:
            self._refuse(connection, error, address)
        except Exception:
            logger.exception("unhandled error")
            self._refuse(connection, ServiceError("Internal error"), address)
        finally:
            self.connections.discard(connection)
            connection.close()

    def _serve(self, connection: Connection, template: Environ) -> None:
        while (request := self._next(connection, template)) is not None:
            connection.used = True
            self.nr += 1
            if self.nr >= self.max_requests:
                self._stop()
            if not self._answer(connection, request):
                return
        connection.linger(_FAREWELL_SECONDS)

    def _next(self, connection: Connection, template: Environ) -> Request | None:
        """Return the next request, None where the client or a stop ends the connection."""
        data, connection.ahead = connection.ahead, b""
        if data:
            # Pipelined requests must not keep the others waiting.
            gevent.sleep(0)
        else:
            if not (data := connection.first_bytes(self._idle_until(connection))):
                return None
        scanned, until = 0, 0.0
        while (found := read_head(data, scanned, template)) is None:
            scanned = len(data)
            until = until or monotonic() + self.head_seconds
            try:
                more = connection.receive(HEAD_BLOCK, until)
            except TimeoutError:
                raise HeadTooSlow from None
            if not more:
                return None
            data += more
        request, size = found
        if size < len(data):
            connection.ahead = data[size:]
        return request

    def _idle_until(self, connection: Connection) -> float:
        if not connection.used:
            return monotonic() + self.head_seconds
        return monotonic() + self.idle_seconds if self.alive else 0.0

    def _answer(self, connection: Connection, request: Request) -> bool:
        """Run the application for a request; False where the connection has ended with it."""
        body = body_of(request, connection, self.body_seconds)
        request.environ["wsgi.input"] = body
        response = Response(connection, request, body, self.alive, self.body_seconds)
        try:
            blocks = self.wsgi(request.environ, response.start_response)
            try:
                _write(response, blocks)
            finally:
                close_blocks(blocks)
        except (AnswerCut, ClientGone, OSError):
            # Without the last chunk or the announced length the client sees the cut too.
            connection.cut()
            return False
        except Exception:
            if not response.head_sent:
                raise
            logger.exception("unhandled error after the head was sent")
            connection.cut()
            return False
        if response.keeps:
            return _swallow(body)
        connection.linger(_LINGER_SECONDS)
        return False

    def _refuse(self, connection: Connection, error: ServiceError, address: Any) -> None:
        """Refuse what is not HTTP, or not acceptable HTTP, in the platform's envelope."""
        if error.status != 500:
            logger.warning(
                "request refused",
                extra={"code": error.code, "cause": error.message, "client": address[0]},
            )
        try:
            connection.send([refusal(error)], _LINGER_SECONDS)
            connection.linger(_LINGER_SECONDS)
        except OSError:
            return


def _write(response: Response, blocks: Iterable[bytes]) -> None:
    for block in blocks:
        response.write(block)
    response.finish()


def _swallow(body: NoBody) -> bool:
    """Read what little is left of a body; then the connection can be used again."""
    while body.unread > 0 and body.read1():
        pass
    return True
