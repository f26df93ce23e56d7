"""How all services are, asked at the same time and answered within a bound."""

import time
from collections.abc import Mapping
from typing import Any

import gevent
import orjson

from api_gateway.errors import AnswerCut
from api_gateway.upstreams.answer import Answer, Disconnected
from api_gateway.upstreams.connection import Patience
from api_gateway.upstreams.framing import BadFraming
from api_gateway.upstreams.instance import Instance, Request, Unreachable
from api_gateway.upstreams.upstream import Upstream

# The answer of `/health` takes no longer than this, whatever the services do.
PROBE_SECONDS = 0.9
_REPORT_BYTES = 65536
_LATE = "no answer in time"

Report = dict[str, Any]


class Prober:
    """Asks every instance of every service for its `/health`."""

    def __init__(self, upstreams: Mapping[str, Upstream]) -> None:
        self._upstreams = upstreams

    def report(self) -> Report:
        """Return the state of the platform.

        `status` is `unhealthy` when a critical service is, else `degraded` when anything is not
        healthy.
        """
        probes = {
            name: [gevent.spawn(_probe, instance) for instance in upstream.instances]
            for name, upstream in self._upstreams.items()
        }
        gevent.joinall(
            [probe for group in probes.values() for probe in group], timeout=PROBE_SECONDS
        )
        services = {}
        for name, upstream in self._upstreams.items():
            pairs = zip(upstream.instances, probes[name], strict=True)
            reports = [
                probe.value or _report(instance, PROBE_SECONDS, _LATE) for instance, probe in pairs
            ]
            services[name] = _service(upstream.route.critical, reports)
        return {"status": _overall(services.values()), "services": services}


def _probe(instance: Instance) -> Report:
    started = time.perf_counter()
    version, reason = _ask(instance)
    return _report(instance, time.perf_counter() - started, reason, version)


def _report(
    instance: Instance, seconds: float, reason: str | None, version: str | None = None
) -> Report:
    return {
        "url": f"http://{instance.address.netloc}",
        "status": "unhealthy" if reason else "healthy",
        "response_time_ms": round(seconds * 1000, 1),
        **({"reason": reason} if reason else {}),
        **({"version": version} if version else {}),
    }


def _ask(instance: Instance) -> tuple[str | None, str | None]:
    request = Request("GET", "/health", ["Accept: application/json\r\n", "Connection: close\r\n"])
    try:
        answer = instance.exchange(instance.connect(), request, Patience(PROBE_SECONDS))
    except Unreachable as error:
        return None, "no connection in time" if error.timed_out else "connection refused"
    except TimeoutError:
        return None, _LATE
    except (Disconnected, BadFraming, OSError):
        return None, "bad answer"
    try:
        version = _version(answer)
    except (AnswerCut, ValueError):
        return None, "bad answer"
    finally:
        answer.close()
    return version, None if answer.status == 200 else f"answered {answer.status}"


def _version(answer: Answer) -> str | None:
    body = b""
    for block in answer:
        body += block
        if len(body) > _REPORT_BYTES:
            raise ValueError("report too large")
    document = orjson.loads(body) if answer.status == 200 else {}
    version = document.get("version") if isinstance(document, dict) else None
    return version if isinstance(version, str) else None


def _service(critical: bool, instances: list[Report]) -> Report:
    healthy = sum(report["status"] == "healthy" for report in instances)
    status = "healthy" if healthy == len(instances) else "degraded" if healthy else "unhealthy"
    return {
        "status": status,
        "critical": critical,
        "response_time_ms": max(report["response_time_ms"] for report in instances),
        "instances": instances,
    }


def _overall(services: Any) -> str:
    found = list(services)
    if any(service["critical"] and service["status"] == "unhealthy" for service in found):
        return "unhealthy"
    return "healthy" if all(service["status"] == "healthy" for service in found) else "degraded"
