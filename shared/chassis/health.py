"""`/health/live`, `/health/ready` and `/health` of every service, without authentication."""

import time
from collections.abc import Callable
from typing import Any

from flask import Flask, Response
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from chassis import __version__
from chassis.auth import public
from chassis.database import fetch_all
from chassis.migrations import expected_head
from chassis.response import json_bytes

_CURRENT = text("SELECT version_num FROM alembic_version")


def check_database(head: Callable[[], str | None]) -> dict[str, Any]:
    """Ask the service's own database for its schema version: one round trip shows both."""
    started = time.perf_counter()
    try:
        # Asked again where the connection had died: the database may be back since.
        rows = fetch_all(_CURRENT)
    except SQLAlchemyError as error:
        cause = type(getattr(error, "orig", None) or error).__name__
        return {
            "database": {"ok": False, "reason": cause},
            "schema": {"ok": False, "reason": "unknown"},
        }
    elapsed = round((time.perf_counter() - started) * 1000, 1)
    expected = head()
    current = rows[0]["version_num"] if rows else None
    # Revisions are numbered. A newer one is a migration of the next release, which works for this
    # code too: otherwise the first step of an upgrade would take all instances out.
    fits = expected is None or (current is not None and current >= expected)
    schema: dict[str, Any] = {"ok": fits, "version": current}
    if not fits:
        schema["reason"] = f"expected {expected}"
    return {"database": {"ok": True, "ms": elapsed}, "schema": schema}


def init_app(app: Flask, service: str) -> None:
    """Register the three endpoints.

    `/health/live` looks at nothing but this process. `/health/ready` is 200 only when the
    service's database answers and its schema is at head or newer: the broker is not asked, because
    a request needs none.
    """

    def answer(document: dict[str, Any], status: int) -> Response:
        return Response(json_bytes(document), status, mimetype="application/json")

    @app.get("/health/live")
    @public
    def live() -> Response:
        return answer({"status": "ok", "service": service}, 200)

    def report() -> tuple[dict[str, Any], bool]:
        checks = check_database(lambda: expected_head(app))
        return checks, all(check["ok"] for check in checks.values())

    @app.get("/health/ready")
    @public
    def ready() -> Response:
        checks, ok = report()
        return answer(
            {"status": "ok" if ok else "unavailable", "checks": checks}, 200 if ok else 503
        )

    @app.get("/health")
    @public
    def health() -> Response:
        checks, ok = report()
        document = {
            "status": "ok" if ok else "unavailable",
            "service": service,
            "version": __version__,
            "checks": checks,
        }
        return answer(document, 200 if ok else 503)
