"""Asks instances for their `/health`, again and again."""

import time
from typing import Any

import gevent
import orjson
from gevent.event import Event

from api_gateway.errors import AnswerCut
from api_gateway.routes import Timeouts
from api_gateway.upstreams.answer import Answer, Disconnected
from api_gateway.upstreams.breaker import Fault
from api_gateway.upstreams.connection import Connection
from api_gateway.upstreams.framing import BadFraming
from api_gateway.upstreams.instance import Endpoint, Instance
from api_gateway.upstreams.request import Request, Terms
from api_gateway.upstreams.verdict import FAST_SECONDS, Probe

PROBE_SECONDS = 2.0
_TIMEOUTS = Timeouts(PROBE_SECONDS, PROBE_SECONDS, PROBE_SECONDS)
_REQUEST = Request("GET", "/health", ["Accept: application/json\r\n", "Connection: close\r\n"])
_REPORT_BYTES = 65536
_REASON_CHARACTERS = 200


class _Alone:
    """The owner of a connection that is used once."""

    def finished(
        self, connection: Connection, epoch: int, fault: Fault | None, reusable: bool
    ) -> None:
        connection.close()

    def dropped(self, connection: Connection, epoch: int, fault: Fault | None) -> None:
        connection.close()


class Prober:
    """Probes one instance for as long as it is there; one at a time, whoever asks for it."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._wanted = Event()
        # Set with the end of the first probe.
        self.known = Event()
        instance.wake = self._wanted.set
        self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        """End it without waiting."""
        self._greenlet.kill(block=False)

    def _run(self) -> None:
        standing = self._instance.standing
        while True:
            self._wanted.clear()
            started, epoch = time.monotonic(), standing.breaker.epoch
            standing.probed(probe(self._instance.endpoint), epoch)
            self.known.set()
            if self._wanted.wait(standing.probes.pause(standing.uneasy)):
                # A service in trouble gives many reasons to look, and no time for many probes.
                gevent.sleep(max(0.0, started + FAST_SECONDS - time.monotonic()))


def probe(endpoint: Endpoint) -> Probe:
    """Ask an instance how it is, over a connection of its own: an old one proves less."""
    started = time.monotonic()
    terms = Terms(_TIMEOUTS, started + PROBE_SECONDS)

    def result(reason: str | None, refused: bool = False, version: str | None = None) -> Probe:
        return Probe(reason, time.monotonic() - started, refused, version)

    sockaddr = (endpoint.ip, endpoint.address.port)
    try:
        connection = Connection.open(endpoint.family, sockaddr, terms)
    except TimeoutError:
        return result("no connection in time")
    except OSError as error:
        return result((error.strerror or "no connection").lower(), refused=True)
    try:
        connection.send(_REQUEST.head(endpoint.address.netloc))
        connection.whole = True
        status, document = _read(Answer(connection, "GET", _Alone(), 0))
    except TimeoutError:
        return result("no answer in time")
    except (Disconnected, BadFraming, AnswerCut, OSError, ValueError):
        return result("bad answer")
    finally:
        connection.close()
    # Whatever is no success is a failure: a status that is neither would leave the verdict as it is
    # for ever.
    if 200 <= status < 300:
        return result(None, version=_text(document.get("version")))
    return result(f"answered {status}{_complaints(document)}"[:_REASON_CHARACTERS])


def _read(answer: Answer) -> tuple[int, dict[str, Any]]:
    body = b""
    for block in answer:
        body += block
        if len(body) > _REPORT_BYTES:
            raise ValueError("report too large")
    try:
        document = orjson.loads(body)
    except ValueError:
        # The status says enough.
        return answer.status, {}
    return answer.status, document if isinstance(document, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _complaints(document: dict[str, Any]) -> str:
    """Name the checks of a service's report that are not ok, and why."""
    checks = document.get("checks")
    if not isinstance(checks, dict):
        return ""
    found = [
        f"{name} {_text(check.get('reason')) or 'not ok'}"
        for name, check in checks.items()
        if isinstance(check, dict) and not check.get("ok")
    ]
    return f": {', '.join(found)}" if found else ""
