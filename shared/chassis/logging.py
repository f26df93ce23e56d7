"""Structured logs: one JSON object a line, with the ids of what is being worked on.

Log a constant message and ids as fields: `logger.info("order placed", extra={"order_id": ...})`.
"""

import json
import logging
import re
import sys
import time
from dataclasses import replace
from functools import lru_cache
from typing import Any

import orjson
import structlog
from flask import Flask, Response, g, request

from chassis.config import ConfigError, LogSettings
from chassis.log_files import FileHandler, LogFile, RotatedFile
from chassis.request_id import current_request_id
from chassis.tracing import current_traceparent

_QUIET = (
    "pika", "amqp", "kombu", "redis", "urllib3", "werkzeug", "alembic.runtime",
    # It logs the bodies of tasks, and what it compiles.
    "celery.pool", "celery.utils", "celery.bootsteps",
)  # fmt: skip
# Whatever a record calls such a field, its value never reaches the log.
_SECRET_PARTS = ("password", "token", "secret", "authorization", "cookie", "api_key", "card")

_TEXT = "_platform_text"

# Where Postgres quotes a statement or a row in an error's text, up to the part that follows it.
_QUOTED_VALUES = re.compile(
    r"^(LINE \d+|DETAIL):.*?(?=^ *\^$|^\[SQL|^HINT|^CONTEXT|^$|\Z)", re.MULTILINE | re.DOTALL
)

logger = logging.getLogger(__name__)


def _add_ids(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    event.setdefault("request_id", current_request_id())
    traceparent = current_traceparent()
    event.setdefault("trace_id", traceparent.split("-")[1] if traceparent else None)
    return {name: value for name, value in event.items() if value is not None}


# Field names are few and come with every line.
@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    return any(part in name.lower() for part in _SECRET_PARTS)


def _redact(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    for name in event:
        if _is_secret(name):
            event[name] = "[redacted]"
    return event


def _hide_values(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    # psycopg2 writes values into the statement, and the server's error repeats a line of it.
    if "exception" in event:
        event["exception"] = _QUOTED_VALUES.sub(r"\1: [redacted]\n", event["exception"])
    return event


def _json_text(event: dict[str, Any], default: Any, **_: Any) -> str:
    try:
        return orjson.dumps(event, default=default).decode()
    except TypeError:
        # Lone surrogates and integers beyond 64 bits; a line that fails to be written helps nobody.
        return json.dumps(event, default=default)


class _FormatOnce(logging.Formatter):
    """Formats a record for the first handler and gives the same text to the second."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self._formatter = formatter

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's line."""
        text: str | None = getattr(record, _TEXT, None)
        if text is None:
            text = self._formatter.format(record)
            setattr(record, _TEXT, text)
        return text


def configure(
    service: str, level: str = "INFO", style: str = "json", file: LogFile | None = None
) -> None:
    """Send all logs of this process to stdout, and as JSON to `file`.

    style: of stdout, `json` or `console`. Raises ConfigError where the file cannot be written.
    """
    json_lines = _FormatOnce(_formatter(service, "json"))
    console = logging.StreamHandler(sys.stdout)
    console.setFormatter(json_lines if style == "json" else _formatter(service, style))
    handlers: list[logging.Handler] = [console]
    if file is not None:
        handlers.append(_file_handler(service, file, json_lines))
    root = logging.getLogger()
    for replaced in root.handlers:
        if isinstance(replaced, FileHandler):
            replaced.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def log_file() -> RotatedFile | None:
    """Return the log file of this process, for lines that are encoded already."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, FileHandler):
            return handler.file
    return None


def file_of(settings: LogSettings) -> LogFile | None:
    """Return the log file that is configured, if any."""
    if not settings.log_file:
        return None
    return LogFile(settings.log_file, settings.log_file_bytes, settings.log_file_count)


def _file_handler(service: str, file: LogFile, lines: logging.Formatter) -> logging.Handler:
    # Not `str.format`: any other brace belongs to the path.
    path = file.path.replace("{service}", service)
    try:
        handler = FileHandler(RotatedFile(replace(file, path=path)))
    except OSError as error:
        raise ConfigError([f"LOG_FILE cannot be written: {error}"]) from error
    handler.setFormatter(lines)
    return handler


def _formatter(service: str, style: str) -> logging.Formatter:
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        lambda _logger, _method, event: {"service": service, **event},
        _add_ids,
        _redact,
    ]
    final: list[Any] = (
        [
            structlog.processors.format_exc_info,
            _hide_values,
            structlog.processors.JSONRenderer(serializer=_json_text),
        ]
        if style == "json"
        else [structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())]
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *final],
    )


def init_app(app: Flask) -> None:
    """Log one line for each request, health checks excepted."""

    @app.before_request
    def start() -> None:
        g.started = time.perf_counter()

    @app.after_request
    def log_request(response: Response) -> Response:
        if not request.path.startswith(("/health", "/metrics")):
            started = g.get("started")
            logger.info(
                "request",
                extra={
                    "method": request.method,
                    "path": request.path,
                    "status": response.status_code,
                    "ms": round((time.perf_counter() - started) * 1000, 1) if started else None,
                },
            )
        return response
