"""gunicorn's settings; reasons stand beside what is not the default."""

from pathlib import Path
from typing import Any

from api_gateway.config import Config

_SHARED_MEMORY = Path("/dev/shm")


def gunicorn_options(config: Config) -> dict[str, Any]:
    """Return gunicorn's settings for the gateway."""
    return {
        "bind": f"{config.host}:{config.port}",
        "workers": config.web_workers,
        "worker_class": "api_gateway.server.worker.GatewayWorker",
        "worker_connections": 4096,
        "proc_name": "gateway",
        # Longer than the idle time of a balancer in front, so that not we close under a request.
        "keepalive": 75,
        "timeout": 30,
        "graceful_timeout": 30,
        # The control socket of gunicorn 27 is one file for all instances of a user.
        "control_socket_disable": True,
        # The heartbeat's file: on a busy disk its update can take longer than `timeout`.
        "worker_tmp_dir": str(_SHARED_MEMORY) if _SHARED_MEMORY.is_dir() else None,
        "errorlog": "-",
        "loglevel": "warning",
    }
