"""Ports of this machine: finding free ones and telling who holds a taken one."""

import errno
import random
import socket
from contextlib import closing

# Below the range from which the kernel picks ports of outgoing connections, so that a port found
# free now is not given to a connection before the server has bound it.
FIRST, LAST = 20000, 32000


def holder(port: int) -> str:
    """Return who listens on the port, as far as this user may see it: " by name (pid 1)" or ""."""
    import psutil

    try:
        for one in psutil.net_connections(kind="tcp"):
            if one.status == psutil.CONN_LISTEN and one.laddr.port == port and one.pid:
                return f" by {psutil.Process(one.pid).name()} (pid {one.pid})"
    except psutil.Error:
        pass
    return ""


def is_free(port: int) -> bool:
    """Tell whether a server could listen on the port of the loopback now."""
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


def free_port() -> int:
    """Return a port on which nothing listens; raises OSError when 100 random ones are taken."""
    for _ in range(100):
        port = random.randint(FIRST, LAST)
        if is_free(port):
            return port
    raise OSError(errno.EADDRINUSE, "no free port found")


def listens(port: int, timeout: float = 0.5) -> bool:
    """Tell whether somebody accepts connections on the port; timeout in seconds."""
    with closing(socket.socket()) as probe:
        probe.settimeout(timeout)
        return probe.connect_ex(("127.0.0.1", port)) == 0
