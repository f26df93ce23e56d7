"""gunicorn with the gateway as its application, and a route table that can be replaced."""

import logging
import os
import signal
from collections.abc import Callable
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from api_gateway.config import Config
from api_gateway.route_file import load_routes
from api_gateway.server.options import gunicorn_options
from chassis.config import ConfigError

logger = logging.getLogger(__name__)


class ReloadingArbiter(Arbiter):
    """Answers SIGHUP with a new route table instead of new workers: no connection ends for it."""

    def handle_hup(self) -> None:
        """Check the table first; a bad one changes nothing, and its problems are logged."""
        if self.app.read_table():
            self.kill_workers(signal.SIGHUP)


class Server(BaseApplication):
    """Holds the last good route table, which a worker that starts later inherits as well."""

    def __init__(self) -> None:
        self.config = Config.from_env()
        self.table = load_routes(self.config.gateway_routes, os.environ)
        super().__init__()

    def load_config(self) -> None:
        for name, value in gunicorn_options(self.config).items():
            self.cfg.set(name, value)

    def read_table(self) -> bool:
        """Read the route table again; False, with the reasons logged, where it cannot be used."""
        try:
            self.table = load_routes(self.config.gateway_routes, os.environ)
        except ConfigError as error:
            for problem in error.problems:
                logger.error("routes not reloaded, the old ones stay", extra={"problem": problem})
            return False
        return True

    def load(self) -> Callable[..., Any]:
        # Here, in a worker whose sockets gevent has replaced: what this imports takes hold of them.
        import gevent

        from api_gateway.app import create_app, start

        app = create_app(self.config, self.table)

        def reload() -> None:
            if self.read_table():
                app.apply(self.table)
                logger.warning("routes reloaded", extra={"routes": self.table.digest})

        gevent.signal_handler(signal.SIGHUP, reload)
        start(app, self.config)
        return app

    def run(self) -> None:
        ReloadingArbiter(self).run()
