"""The worker's health endpoint: a tiny HTTP server beside the work."""

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from chassis.messaging.bus import Bus, BusUnavailable

Report = Callable[[], tuple[dict[str, Any], bool]]


class BrokerCheck:
    """Asks the broker at most every few seconds: with RabbitMQ each question is a connection."""

    def __init__(self, bus: Bus, every: float = 5.0) -> None:
        self._bus, self._every = bus, every
        self._lock = threading.Lock()
        self._asked = -every
        self._answer: dict[str, Any] = {}

    def status(self) -> dict[str, Any]:
        """Return what the health endpoint tells."""
        with self._lock:
            if time.monotonic() - self._asked >= self._every:
                self._answer = self._ask()
                self._asked = time.monotonic()
            return self._answer

    def _ask(self) -> dict[str, Any]:
        try:
            self._bus.ping()
        except BusUnavailable as error:
            return {"ok": False, "reason": type(error.__cause__ or error).__name__}
        return {"ok": True}


def serve(host: str, port: int, report: Report) -> ThreadingHTTPServer:
    """Answer `/health/live`, and `/health/ready` and `/health` with the report, in threads.

    report: returns the document and whether the worker is ready. Raises OSError when the port is
    taken. The caller shuts the server down.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/health/live":
                self._answer(200, {"status": "ok"})
            elif self.path in ("/health/ready", "/health"):
                document, ready = report()
                self._answer(200 if ready else 503, document)
            else:
                self._answer(404, {"status": "not found"})

        def _answer(self, status: int, document: dict[str, Any]) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing: the supervisor asks every second."""

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return server
