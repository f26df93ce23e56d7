"""One structured line for each request, written when its answer has ended."""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import orjson

from api_gateway.call import Call
from api_gateway.errors import AnswerCut

logger = logging.getLogger(__name__)
_STDOUT = 1
_CLIENT_GONE = 499
# Below PIPE_BUF with all the rest, so that lines of several processes do not mix in a pipe.
_PATH_CHARACTERS = 2000


class AccessLog:
    """Writes the lines; JSON is encoded here, because structlog costs ten times as much."""

    def __init__(self, level: str, style: str) -> None:
        self._enabled = level in ("DEBUG", "INFO")
        self._json = style == "json"

    def write(self, call: Call) -> None:
        """Log a call that has ended; never its query, which may hold what nobody should read."""
        if not self._enabled or call.path.startswith(("/health", "/metrics")):
            return
        fields: dict[str, Any] = {
            "method": call.method,
            "path": call.path[:_PATH_CHARACTERS],
            "status": call.status,
            "upstream": call.service,
            "ms": round(call.elapsed_ms(), 1),
            "bytes": call.sent,
        }
        if call.error:
            fields["error"] = call.error
        if not self._json:
            logger.info("request", extra=fields)
            return
        line = {
            "service": "gateway",
            "event": "request",
            "level": "info",
            "logger": __name__,
            "timestamp": datetime.now(UTC).isoformat(),
            "request_id": call.request_id,
            "trace_id": call.traceparent.split("-")[1],
            **fields,
        }
        # Nobody listening to the log is no reason to fail a request.
        with suppress(OSError):
            os.write(_STDOUT, orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))


class Counted:
    """A response body that counts what is sent and tells when the server closes it."""

    def __init__(self, body: Any, call: Call, ended: Callable[[Call], None]) -> None:
        self._body = body
        self._blocks = iter(body)
        self._call = call
        self._tell = ended
        self._ended = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            block: bytes = next(self._blocks)
        except StopIteration:
            self._ended = True
            raise
        except AnswerCut as error:
            self._ended, self._call.error = True, f"upstream cut off: {error}"
            raise
        self._call.sent += len(block)
        return block

    def close(self) -> None:
        """Free what the body holds; the server calls it however the response ends."""
        close = getattr(self._body, "close", None)
        if close is not None:
            close()
        if not self._ended:
            self._call.status, self._call.error = _CLIENT_GONE, "client gone"
        self._tell(self._call)
