"""`python -m api_gateway`: check the settings and the route table, then become gunicorn."""

import os
import sys

from gunicorn.app.wsgiapp import run

from api_gateway.config import Config
from api_gateway.routes import load_routes
from chassis.config import ConfigError


def main() -> None:
    """Start the gateway; exits with 78 and a line for each problem in the settings."""
    try:
        load_routes(Config.from_env().gateway_routes, os.environ)
    except ConfigError as error:
        for problem in error.problems:
            print(f"api-gateway: {problem}", file=sys.stderr)
        raise SystemExit(78) from None  # EX_CONFIG of sysexits.h: starting again will not help.
    sys.argv = [
        "gunicorn",
        "--config",
        "python:api_gateway.server.conf",
        "api_gateway.app:create_app()",
    ]
    run()


if __name__ == "__main__":
    main()
