"""`Prefer: wait=N`: hold the answer of accepted work until it is done (RFC 7240 section 4.3)."""

import re
import time
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast
from uuid import UUID

import orjson
from flask import Response, request
from marshmallow import Schema
from sqlalchemy.orm import Session

from chassis.database import transaction
from chassis.openapi.refusals import add_parameter, note
from chassis.openapi.responses import LOCATION, envelope_schema
from chassis.response import success

View = TypeVar("View", bound=Callable[..., Any])

# A waiting request holds one thread of the web server: longer waits are the client's to repeat.
MAX_WAIT_SECONDS = 10
_POLL_SECONDS = 0.05


def wait_seconds() -> int:
    """Return how long this request's client wants to wait: 0 without, at most 10 seconds."""
    match = re.search(
        r"(?:^|[,;\s])wait\s*=\s*([0-9]{1,5})(?=$|[,;\s])", request.headers.get("Prefer", "")
    )
    return min(int(match[1]), MAX_WAIT_SECONDS) if match else 0


def prefer_wait(
    poll: Callable[[Session, UUID], Any | None], schema: type[Schema]
) -> Callable[[View], View]:
    """Hold a 202 up to the client's `Prefer: wait=N`, then answer 200 with the final state.

    poll: returns the settled object of the 202's `data.id`, or None while there is work.
    Each look is a transaction of its own. When time is up the 202 is sent as it was.
    Stands outside `idempotent`, because only what is committed can make progress.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def waiting(*args: Any, **kwargs: Any) -> Any:
            response: Response = view(*args, **kwargs)
            seconds = wait_seconds()
            if response.status_code != 202 or not seconds:
                return response
            response.headers["Preference-Applied"] = f"wait={seconds}"
            item_id = UUID(orjson.loads(response.get_data())["data"]["id"])
            settled = _poll_until(poll, item_id, seconds, schema)
            if settled is None:
                return response
            final = success(settled, "Done", headers={"Preference-Applied": f"wait={seconds}"})
            for name in ("Location", "Idempotent-Replayed"):
                if name in response.headers:
                    final.headers[name] = response.headers[name]
            return final

        return cast(View, _documented(waiting, schema))

    return decorate


def _documented(view: Any, schema: type[Schema]) -> Any:
    header = {
        "in": "header",
        "name": "Prefer",
        "required": False,
        "schema": {"type": "string", "examples": ["wait=5"]},
        "description": f"`wait=N` holds the answer up to N seconds (at most {MAX_WAIT_SECONDS})",
    }
    applied = {"description": "`wait=N` as it was applied", "schema": {"type": "string"}}
    settled = {
        "description": "Done",
        "content": {"application/json": {"schema": envelope_schema(schema())}},
        "headers": {"Preference-Applied": applied, "Location": LOCATION},
    }
    return add_parameter(note(view, settled=settled), header)


def _poll_until(
    poll: Callable[[Session, UUID], Any | None], item_id: UUID, seconds: int, schema: type[Schema]
) -> Any | None:
    deadline = time.monotonic() + seconds
    while True:
        with transaction() as session:
            # Objects of the request itself are still in the session: look at what is there now.
            session.expire_all()
            found = poll(session, item_id)
            if found is not None:
                return schema().dump(found)
        if time.monotonic() >= deadline:
            return None
        time.sleep(_POLL_SECONDS)
