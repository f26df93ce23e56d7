"""How all services are, from what is known already: a report asks nobody."""

import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from api_gateway.upstreams.instance import Instance
from api_gateway.upstreams.upstream import Upstream

# The first reports may come before the first probes have ended, and wait for them so long at most.
_FIRST_SECONDS = 0.05

Report = dict[str, Any]


class Health:
    """Reads what probes and requests have found out."""

    def __init__(self, upstreams: Mapping[str, Upstream]) -> None:
        self._upstreams = upstreams

    def report(self) -> Report:
        """Return the state of the platform, and how old the oldest part of it is.

        `status` is `unhealthy` when a critical service is, else `degraded` when anything is not
        healthy.
        """
        deadline = time.monotonic() + _FIRST_SECONDS
        for upstream in self._upstreams.values():
            upstream.upkeep.wait_until_known(max(0.0, deadline - time.monotonic()))
        services = {name: _service(upstream) for name, upstream in self._upstreams.items()}
        return {
            "status": _overall(services.values()),
            **_age(
                instance["checked_ago_ms"]
                for service in services.values()
                for instance in service["instances"]
            ),
            "services": services,
        }


def _service(upstream: Upstream) -> Report:
    instances = [_instance(one) for one in upstream.instances]
    states = [report["status"] for report in instances]
    if "healthy" in states:
        status = "healthy" if set(states) == {"healthy"} else "degraded"
    else:
        unknown = "unknown" in states or not (states or upstream.discovery.tried)
        status = "unknown" if unknown else "unhealthy"
    return {
        "status": status,
        "critical": upstream.route.critical,
        "in_flight": upstream.in_flight,
        "max_in_flight": upstream.route.max_in_flight,
        "response_time_ms": max((report["response_time_ms"] for report in instances), default=0.0),
        "instances": instances,
        **({} if instances else {"reason": "its name does not resolve"}),
    }


def _instance(instance: Instance) -> Report:
    standing, probes = instance.standing, instance.standing.probes
    status, reason, last = standing.status, standing.reason(), probes.last
    version = last.version if last else None
    return {
        "url": instance.endpoint.url,
        **({"name": instance.endpoint.name} if instance.endpoint.name else {}),
        "status": status,
        "since": _rfc3339(standing.since),
        "checked_ago_ms": probes.age_ms(),
        "response_time_ms": round(last.seconds * 1000, 1) if last else 0.0,
        "breaker": standing.breaker.state.value,
        "in_flight": instance.in_flight,
        **({"reason": reason} if reason else {}),
        **({"version": version} if version else {}),
    }


def _age(ages: Iterable[int | None]) -> Report:
    """State the age of the oldest probe: nothing in the report is older than that."""
    known = [age for age in ages if age is not None]
    oldest = max(known, default=None)
    if oldest is None:
        return {"checked_at": None, "age_ms": None}
    checked_at = datetime.now(UTC) - timedelta(milliseconds=oldest)
    return {"checked_at": _rfc3339(checked_at), "age_ms": oldest}


def _rfc3339(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _overall(services: Iterable[Report]) -> str:
    found = list(services)
    if any(service["critical"] and service["status"] == "unhealthy" for service in found):
        return "unhealthy"
    return "healthy" if all(service["status"] == "healthy" for service in found) else "degraded"
