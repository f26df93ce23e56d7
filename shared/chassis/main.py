"""The entry points of every service: `python -m <package> web | worker | migrate`."""

import argparse
import gc
import importlib
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from flask import Flask

from chassis.config import ConfigError


def main(package: str, argv: list[str] | None = None) -> int:
    """Run one process of the service in `package`; returns its exit status."""
    parser = argparse.ArgumentParser(prog=f"python -m {package}")
    parser.add_argument("role", choices=sorted(_ROLES), help="which process to be")
    role = parser.parse_args(argv).role
    try:
        app: Flask = importlib.import_module(package).create_app()
    except ConfigError as error:
        print(f"{package}: {error}", file=sys.stderr)
        return 78  # EX_CONFIG of sysexits.h: starting again will not help.
    _ROLES[role](app)
    return 0


def _web(app: Flask) -> None:
    from gunicorn.app.base import BaseApplication

    class Server(BaseApplication):
        def load_config(self) -> None:
            for name, value in gunicorn_options(app).items():
                self.cfg.set(name, value)

        def load(self) -> Flask:
            return app

    Server().run()


def gunicorn_options(app: Flask) -> dict[str, Any]:
    """Return gunicorn's settings for a service; reasons stand beside what is not the default."""
    config = app.config["SETTINGS"]
    return {
        "bind": f"{config.host}:{config.port}",
        "workers": config.web_workers,
        "worker_class": "gthread",
        "threads": config.web_threads,
        "proc_name": config_name(app),
        # Longer than the gateway keeps an idle connection, so that it is never the one surprised.
        "keepalive": 75,
        "graceful_timeout": 30,
        "timeout": 60,
        # The path comes from the request line only; SCRIPT_NAME as a header could move it.
        "forwarder_headers": "",
        "forwarded_allow_ips": "127.0.0.1,::1",
        "limit_request_line": 8190,
        # The control socket of gunicorn 27 is one file for all instances of a user.
        "control_socket_disable": True,
        "worker_tmp_dir": "/dev/shm" if Path("/dev/shm").is_dir() else None,
        "errorlog": "-",
        "loglevel": "warning",
        "when_ready": lambda _arbiter: _share_memory(),
        # After the fork: a thread of the main process would not be in its workers.
        "post_worker_init": lambda _worker: _watch_level(app),
    }


def config_name(app: Flask) -> str:
    """Return the name that the process list shows for a web process."""
    return f"{app.extensions['platform'].name}-web"


def _share_memory() -> None:
    """Keep what was imported before the fork in pages that main process and workers share.

    The collector writes into all that it looks at: without this its first full run, after some
    thousand requests, copies 25 MB into each worker.
    """
    gc.collect()
    gc.freeze()


def _watch_level(app: Flask) -> None:
    from chassis.log_level import LevelWatch

    config = app.config["SETTINGS"]
    LevelWatch(app.extensions["platform"].name, config.log_level, config.redis_url).start()


def _worker(app: Flask) -> None:
    from chassis import worker

    _watch_level(app)
    worker.run(app)


def _migrate(app: Flask) -> None:
    from chassis import migrations
    from chassis.messaging import bus

    migrations.migrate(app)
    parts = app.extensions["platform"]
    if parts.events is not None:
        # Queues before anything can publish: a message without a queue would be gone.
        with closing(bus.connect_bus(parts.config.effective_broker_url)) as broker:
            broker.declare(parts.name, frozenset(parts.events.CONSUMES))
    if parts.bootstrap is not None:
        with app.app_context():
            parts.bootstrap()


_ROLES = {"web": _web, "worker": _worker, "migrate": _migrate}
