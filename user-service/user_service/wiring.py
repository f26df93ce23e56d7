"""The ports of the current app, and where its requests come from."""

from uuid import UUID

from flask import Flask, current_app, request

from chassis.auth import principal
from chassis.exceptions import Unauthorized
from user_service.services.ports import Ports

_EXTENSION = "user_service.ports"


def init_app(app: Flask, ports: Ports) -> None:
    """Give the app its ports."""
    app.extensions[_EXTENSION] = ports


def ports() -> Ports:
    """Return the ports of the current app."""
    found: Ports = current_app.extensions[_EXTENSION]
    return found


def client_address() -> str:
    """Return the client's address, as the trusted proxies in front reported it."""
    return request.remote_addr or "unknown"


def current_session_id() -> UUID:
    """Return the session of the caller's access token. Raises Unauthorized if it names none."""
    try:
        return UUID(principal().session_id)
    except ValueError:
        raise Unauthorized("The token is not valid", code="token_invalid") from None
