"""A private RabbitMQ from an installed one: own node, own port mapper, own files, any user.

`rabbitmq-server` on the PATH insists on the system user, so the script below it is called directly.
The port mapper (epmd) is started by us in the foreground: a node would start it as a daemon, which
outlives everybody.
"""

import os
import secrets
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import which

from platform_cli import child
from platform_cli.ports import free_port, listens
from platform_cli.stores.launch import StoreError, started

EXTERNAL = "PLATFORM_RABBITMQ_URL"
MISSING = "no RabbitMQ is installed (Debian: apt-get install rabbitmq-server)"
_PATTERNS = ("/usr/lib/rabbitmq/lib", "/usr/local/lib/rabbitmq/lib", "/opt/homebrew/opt/rabbitmq")


def find_script() -> Path | None:
    """Return the server script of the newest installed RabbitMQ, or None."""
    home = os.environ.get("RABBITMQ_HOME")
    candidates = [Path(home) / "sbin/rabbitmq-server"] if home else []
    for folder in _PATTERNS:
        candidates += sorted(Path(folder).glob("**/sbin/rabbitmq-server"), reverse=True)
    return next((path for path in candidates if path.exists()), None)


def available() -> bool:
    """Tell whether `running` can give a server: one is installed or named by its URL."""
    return bool(os.environ.get(EXTERNAL)) or (
        find_script() is not None and which("epmd") is not None
    )


@dataclass(frozen=True)
class RabbitMQ:
    """One node with its files below `folder`; a node's data needs the same node name for ever."""

    folder: Path
    port: int
    dist_port: int
    epmd_port: int
    password: str

    def prepare(self) -> None:
        """Write configuration, plugin list and cookie; raises StoreError if none is installed."""
        if find_script() is None or which("epmd") is None:
            raise StoreError(MISSING)
        for name in ("home", "mnesia", "log"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        cookie = self.folder / "home" / ".erlang.cookie"
        if not cookie.exists():
            cookie.touch(mode=0o600)
            cookie.write_text(secrets.token_hex(20))
            cookie.chmod(0o400)
        lines = (
            f"listeners.tcp.default = 127.0.0.1:{self.port}",
            "default_user = platform",
            f"default_pass = {self.password}",
            "log.console = true",
            "log.file = false",
            "disk_free_limit.absolute = 50MB",
            "vm_memory_high_watermark.absolute = 512MB",
        )
        configuration = self.folder / "rabbitmq.conf"
        configuration.touch(mode=0o600)
        configuration.write_text("\n".join(lines) + "\n")
        (self.folder / "enabled_plugins").write_text("[].\n")

    def port_mapper(self) -> child.Command:
        """Return how epmd, which must run first, is started and stopped."""
        argv = (which("epmd") or "epmd", "-address", "127.0.0.1", "-port", str(self.epmd_port))
        return child.Command(argv=argv, stop_timeout=5.0)

    def port_mapper_ready(self) -> bool:
        """Tell whether epmd listens."""
        return listens(self.epmd_port)

    def command(self) -> child.Command:
        """Return how the node is started and stopped."""
        return child.Command(
            argv=(str(find_script()),),
            env=self.environment(),
            cwd=self.folder,
            death_signal=signal.SIGTERM,
        )

    def environment(self) -> dict[str, str]:
        """Return what the node and `rabbitmqctl` need to find each other and nobody else."""
        folder = str(self.folder)
        return {
            "HOME": f"{folder}/home",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_NODENAME": "platform@localhost",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_DIST_PORT": str(self.dist_port),
            "RABBITMQ_MNESIA_BASE": f"{folder}/mnesia",
            "RABBITMQ_MNESIA_DIR": f"{folder}/mnesia/node",
            "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_GENERATED_CONFIG_DIR": f"{folder}/config",
            "RABBITMQ_PID_FILE": f"{folder}/node.pid",
            "RABBITMQ_FEATURE_FLAGS_FILE": f"{folder}/feature_flags",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/enabled_plugins",
            "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            # The script then becomes the node: one pid, and SIGTERM is a graceful stop.
            "RUNNING_UNDER_SYSTEMD": "yes",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none "
                "-kernel inet_dist_use_interface {127,0,0,1}"
            ),
        }

    def ready(self) -> bool:
        """Tell whether the node takes an AMQP connection of our user."""
        if not listens(self.port):
            return False
        import pika
        from pika.exceptions import AMQPError

        try:
            pika.BlockingConnection(pika.URLParameters(f"{self.url}?socket_timeout=5")).close()
        except (AMQPError, OSError):
            return False
        return True

    @property
    def url(self) -> str:
        return f"amqp://platform:{self.password}@127.0.0.1:{self.port}/%2F"


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Run a node for tests on free ports, or use PLATFORM_RABBITMQ_URL; yield its URL."""
    external = os.environ.get(EXTERNAL)
    if external:
        yield external
        return
    ports = (free_port(), free_port(), free_port())
    server = RabbitMQ(folder, *ports, secrets.token_hex(16))
    server.prepare()
    with ExitStack() as stack:
        epmd = started(server.port_mapper(), server.port_mapper_ready, folder / "epmd.log")
        stack.enter_context(epmd)
        stack.enter_context(started(server.command(), server.ready, folder / "rabbitmq.log"))
        yield server.url
