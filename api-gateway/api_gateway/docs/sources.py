"""The documents of all services, asked for at the same time and remembered for a moment."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gevent
import orjson

from api_gateway.errors import AnswerCut
from api_gateway.routes import Timeouts
from api_gateway.upstreams.request import Request
from api_gateway.upstreams.upstream import Upstream
from chassis.exceptions import ServiceError

# Nobody waits longer than this for a service that does not answer.
WAIT_SECONDS = 0.8
_TIMEOUTS = Timeouts(connect=WAIT_SECONDS, read=WAIT_SECONDS, total=WAIT_SECONDS)
_KEPT_SECONDS = 10.0
_KEPT_WITHOUT_SECONDS = 2.0
_MOST_BYTES = 8_000_000
LATE = "its document did not come in time"


@dataclass(frozen=True)
class Source:
    """What is known of a service's document. document: None, and a reason, where there is none."""

    document: Any = None
    etag: str = ""
    reason: str = ""
    good_until: float = 0.0


class Sources:
    """Asks each service for its document, at most once in ten seconds and never twice at a time."""

    def __init__(self, upstreams: Mapping[str, Upstream]) -> None:
        self._upstreams = upstreams
        self._known: dict[str, Source] = {}
        self._asking: dict[str, gevent.Greenlet] = {}

    def read(self) -> dict[str, Source]:
        """Return the document of every service, or why there is none, within `WAIT_SECONDS`."""
        now = time.monotonic()
        services = dict(self._upstreams)
        for name, upstream in services.items():
            running = self._asking.get(name)
            fresh = name in self._known and now < self._known[name].good_until
            if not fresh and (running is None or running.ready()):
                self._asking[name] = gevent.spawn(self._ask, name, upstream)
        asked = [self._asking[name] for name in services if name in self._asking]
        gevent.joinall(asked, timeout=WAIT_SECONDS)
        return {name: self._known.get(name, Source(reason=LATE)) for name in services}

    def _ask(self, name: str, upstream: Upstream) -> None:
        before = self._known.get(name, Source())
        try:
            # The upstream's own bounds start again with each block; this one does not.
            with gevent.Timeout(WAIT_SECONDS):
                source = _fetch(upstream, before)
        except (gevent.Timeout, AnswerCut):
            source = _without(LATE)
        except ServiceError as error:
            source = _without(error.message)
        self._known[name] = source


def _fetch(upstream: Upstream, before: Source) -> Source:
    fields = ["Accept: application/json\r\n"]
    if before.document is not None and before.etag:
        fields.append(f"If-None-Match: {before.etag}\r\n")
    request = Request("GET", f"{upstream.route.prefix}/openapi.json", fields)
    answer = upstream.ask(request, timeouts=_TIMEOUTS)
    try:
        blocks, size = [], 0
        for block in answer:
            blocks.append(block)
            size += len(block)
            if size > _MOST_BYTES:
                return _without("its document is too large")
    finally:
        answer.close()
    good_until = time.monotonic() + _KEPT_SECONDS
    if answer.status == 304 and before.document is not None:
        return Source(before.document, before.etag, good_until=good_until)
    if answer.status != 200:
        return _without(f"its document was answered with {answer.status}")
    try:
        document = orjson.loads(b"".join(blocks))
    except orjson.JSONDecodeError:
        return _without("its document is not JSON")
    return Source(document, _etag(answer.lines), good_until=good_until)


def _etag(lines: list[tuple[bytes, bytes]]) -> str:
    found = [value for name, value in lines if name.lower() == b"etag"]
    return found[0].decode("latin-1") if found else ""


def _without(reason: str) -> Source:
    return Source(reason=reason, good_until=time.monotonic() + _KEPT_WITHOUT_SECONDS)
