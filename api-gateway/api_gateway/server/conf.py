"""gunicorn's settings, named as gunicorn wants them. Read by `python -m api_gateway`."""

import os

from api_gateway.config import Config

_config = Config.from_env()

bind = [f"{_config.host}:{_config.port}"]
workers = _config.web_workers
worker_class = "api_gateway.server.worker.GatewayWorker"
worker_connections = 4096
proc_name = "platform-gateway"

# Longer than the idle time of a balancer in front, so that it is not we who close under a request.
keepalive = 75
timeout = 30
graceful_timeout = 30

# RFC 9112 section 3 asks for 8000 octets at least; gunicorn's default is 4094.
limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 8190

# Nobody may set the scheme, the client's address or SCRIPT_NAME through headers. Pinned here,
# because gunicorn would also take FORWARDED_ALLOW_IPS from the environment.
forwarded_allow_ips = ""
forwarder_headers = ""
header_map = "drop"
proxy_protocol = False

# A socket that can control the server is one door more.
control_socket_disable = True
# The heartbeat file: on a disk under load its update can take longer than `timeout`.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None

accesslog = None
errorlog = "-"
loglevel = "warning"
