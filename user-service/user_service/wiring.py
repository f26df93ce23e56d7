"""The ports of the current app, and where its requests come from."""

from flask import Flask, current_app, request

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
