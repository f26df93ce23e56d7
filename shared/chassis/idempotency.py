"""`Idempotency-Key`: a POST that is sent again has its effect once and gets its first answer again.

The answer is stored in the transaction of the effect, so that both exist or neither, whatever dies
in between. Source: draft-ietf-httpapi-idempotency-key-header-06; ARCHITECTURE section 6.
"""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Response, g, request
from sqlalchemy import Connection, delete, func, insert, select
from sqlalchemy.orm import Session

from chassis import clock, strict_json
from chassis.database import transaction
from chassis.exceptions import BadRequest, Conflict, Unprocessable
from chassis.messaging.tables import idempotency_keys
from chassis.openapi.refusals import BODY_READ, add_parameter, note, refusal

View = TypeVar("View", bound=Callable[..., Any])

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
KEPT = timedelta(hours=24)
_KEPT_HEADERS = ("Location", "ETag", "Content-Type")


class KeyReused(Unprocessable):
    """The Idempotency-Key was used before with another request."""

    code = "idempotency_key_reused"


class RequestInFlight(Conflict):
    """The first request with this Idempotency-Key is still being worked on."""

    code = "idempotency_in_flight"


def idempotent(*, required: bool = True) -> Callable[[View], View]:
    """Make a POST safe to send again; the view joins the transaction that this opens.

    Stands between the authentication and the argument parsing. Only answers below 400 are stored:
    an error has rolled everything back, so that trying again is harmless.
    Raises BadRequest (no or malformed key), KeyReused, RequestInFlight.
    Locks: one advisory lock for the key until the transaction ends.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def once(*args: Any, **kwargs: Any) -> Any:
            key = _key_of_request(required)
            if key is None:
                with transaction():
                    return view(*args, **kwargs)
            scope, request_hash = _scope(), _request_hash()
            with transaction() as session:
                _lock(session, scope, key)
                stored = _stored(session, scope, key)
                if stored is not None:
                    return _replay(stored, request_hash)
                response: Response = view(*args, **kwargs)
                if response.status_code < 400:
                    _store(session, scope, key, request_hash, response)
                return response

        return cast(View, _documented(once, required))

    return decorate


def purge_expired(connection: Connection, batch: int = 1000) -> int:
    """Delete answers older than 24 hours, `batch` at a time; returns how many.

    The connection is in autocommit mode, so that no long transaction holds the vacuum back.
    """
    table = idempotency_keys.c
    old = select(table.id).where(table.created_at < clock.now() - KEPT).limit(batch)
    total = 0
    while deleted := connection.execute(delete(idempotency_keys).where(table.id.in_(old))).rowcount:
        total += deleted
    return total


def _key_of_request(required: bool) -> str | None:
    key = request.headers.get(HEADER)
    if key is None:
        if required:
            raise BadRequest(f"The header {HEADER} is required", code="idempotency_key_required")
        return None
    # The draft's structured-field string comes in quotes; most clients send it bare. Both count.
    key = key.strip().strip('"')
    if not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
        raise BadRequest(
            f"{HEADER} must be 1 to 255 printable ASCII characters", code="idempotency_key_invalid"
        )
    return key


def _scope() -> str:
    # Two users may choose the same key, and one user the same key for two routes.
    caller = g.principal.user_id if "principal" in g else "public"
    return f"{caller} {request.method} {request.path.rstrip('/')}"


def _request_hash() -> str:
    body = request.get_data()
    if request.is_json and body:
        body = strict_json.compact(strict_json.loads(body))
    return hashlib.sha256(request.query_string + b"\n" + body).hexdigest()


def _lock(session: Session, scope: str, key: str) -> None:
    digest = hashlib.sha256(f"{scope}\n{key}".encode()).digest()
    number = int.from_bytes(digest[:8], "big", signed=True)
    # Tried, not waited for: the client is told to come back instead of holding a thread here.
    if not session.scalar(select(func.pg_try_advisory_xact_lock(number))):
        raise RequestInFlight(headers={"Retry-After": "1"})


def _stored(session: Session, scope: str, key: str) -> Any:
    table = idempotency_keys.c
    row = session.execute(
        select(idempotency_keys).where(table.scope == scope, table.key == key)
    ).first()
    if row is not None and row.created_at < clock.now() - KEPT:
        session.execute(delete(idempotency_keys).where(table.id == row.id))
        return None
    return row


def _replay(stored: Any, request_hash: str) -> Response:
    if stored.request_hash != request_hash:
        raise KeyReused
    response = Response(bytes(stored.body), stored.status, stored.headers)
    response.headers[REPLAYED] = "true"
    return response


def _store(session: Session, scope: str, key: str, request_hash: str, response: Response) -> None:
    session.execute(
        insert(idempotency_keys).values(
            scope=scope,
            key=key,
            request_hash=request_hash,
            status=response.status_code,
            headers={
                name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers
            },
            body=response.get_data(),
            created_at=clock.now(),
        )
    )


def _documented(view: Any, required: bool) -> Any:
    header = {
        "in": "header",
        "name": HEADER,
        "required": required,
        "schema": {
            "type": "string",
            "minLength": 1,
            "maxLength": 255,
            "pattern": "^[ -~]+$",
            "examples": ["order-1"],
        },
        "description": "The client's key; the same key and body replay the first answer (24 h)",
    }
    found = [
        refusal(BadRequest, "idempotency_key_invalid", "The key is not 1 to 255 ASCII characters"),
        refusal(KeyReused),
        refusal(RequestInFlight),
        *BODY_READ,
    ]
    if required:
        found.append(refusal(BadRequest, "idempotency_key_required", f"{HEADER} is required"))
    return add_parameter(note(view, *found), header)
