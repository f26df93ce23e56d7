"""One structured line for each request, written when its answer has ended."""

import atexit
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import gevent
import orjson

from api_gateway.call import Call
from api_gateway.errors import AnswerCut
from chassis.logging import log_file

logger = logging.getLogger(__name__)
_STDOUT = 1
_CLIENT_GONE = 499
FLUSH_SECONDS = 0.05
# PIPE_BUF of Linux: what is written at once up to this size does not mix with what others write.
_PIPE_BYTES = 4096
_PATH_CHARACTERS = 2000
_UNTOLD = ("/health", "/metrics")


class AccessLog:
    """Writes the lines; JSON is encoded here, because structlog costs ten times as much.

    Lines are gathered for a moment and written together. A kill loses those of that moment: at most
    FLUSH_SECONDS, the services' own logs have the same request ids.
    """

    def __init__(self, style: str) -> None:
        self._json = style == "json"
        self._lines: list[bytes] = []
        self._size = 0
        atexit.register(self.flush)

    def run(self) -> None:
        """Write what has gathered, for as long as the process lives; for a greenlet of its own."""
        while True:
            gevent.sleep(FLUSH_SECONDS)
            self.flush()

    def flush(self) -> None:
        """Write what has gathered."""
        if not self._lines:
            return
        data, self._lines, self._size = b"".join(self._lines), [], 0
        # Nobody listening to the log is no reason to fail a request.
        with suppress(OSError):
            os.write(_STDOUT, data)
        if (file := log_file()) is not None:
            file.write(data)

    def write(self, call: Call) -> None:
        """Log a call that has ended; never its query, which may hold what nobody should read."""
        # Asked each time: the level may change at run time.
        if not logger.isEnabledFor(logging.INFO) or call.path.startswith(_UNTOLD):
            return
        if not self._json:
            logger.info("request", extra=_outcome(call))
            return
        line = orjson.dumps(
            {
                "service": "gateway",
                "event": "request",
                "level": "info",
                "logger": __name__,
                "timestamp": datetime.now(UTC),
                "request_id": call.request_id,
                "trace_id": call.traceparent[3:35],
                **_outcome(call),
            },
            option=orjson.OPT_APPEND_NEWLINE,
        )
        if self._size + len(line) > _PIPE_BYTES:
            self.flush()
        self._lines.append(line)
        self._size += len(line)


def _outcome(call: Call) -> dict[str, Any]:
    fields = {
        "method": call.method,
        "path": call.path[:_PATH_CHARACTERS],
        "status": call.status,
        "upstream": call.service,
        "ms": round(call.elapsed_ms(), 1),
        "bytes": call.sent,
    }
    if call.error:
        fields["error"] = call.error
    return fields


class Counted:
    """A response body that counts what is sent and tells when the server closes it."""

    def __init__(self, body: Any, call: Call, ended: Callable[[Call], None]) -> None:
        self._body = body
        self._call = call
        self._tell = ended
        self._ended = False

    def __iter__(self) -> Iterator[bytes]:
        call = self._call
        try:
            for block in self._body:
                call.sent += len(block)
                yield block
            self._ended = True
        except AnswerCut as error:
            self._ended, call.error = True, f"upstream cut off: {error}"
            raise

    def close(self) -> None:
        """Free what the body holds; the server calls it however the response ends."""
        close = getattr(self._body, "close", None)
        if close is not None:
            close()
        if not self._ended:
            self._call.status, self._call.error = _CLIENT_GONE, "client gone"
        self._tell(self._call)
