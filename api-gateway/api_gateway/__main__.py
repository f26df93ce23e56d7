"""`python -m api_gateway`: check the settings and the route table, then serve."""

import os
import resource
import sys
from collections.abc import Callable
from typing import Any

from gunicorn.app.base import BaseApplication

from api_gateway.config import Config
from api_gateway.route_file import load_routes
from api_gateway.server.options import gunicorn_options
from chassis.config import ConfigError


class Server(BaseApplication):
    """gunicorn, with the gateway as its application."""

    def load_config(self) -> None:
        for name, value in gunicorn_options(Config.from_env()).items():
            self.cfg.set(name, value)

    def load(self) -> Callable[..., Any]:
        # Here, in a worker whose sockets gevent has replaced: what this imports takes hold of them.
        from api_gateway.app import create_app

        return create_app()


def allow_descriptors() -> None:
    """Use all the descriptors that the system allows: each request needs two."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main() -> int:
    """Serve until stopped; returns 78 and a line for each problem where the settings are wrong."""
    try:
        load_routes(Config.from_env().gateway_routes, os.environ)
    except ConfigError as error:
        for problem in error.problems:
            print(f"api_gateway: {problem}", file=sys.stderr)
        return 78  # EX_CONFIG of sysexits.h: starting again will not help.
    allow_descriptors()
    Server().run()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
