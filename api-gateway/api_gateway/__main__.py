"""`python -m api_gateway`: check the settings and the route table, then serve."""

import resource
import sys

from api_gateway.server.application import Server
from chassis import logging
from chassis.config import ConfigError


def allow_descriptors() -> None:
    """Use all the descriptors that the system allows: each request needs two."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main(arguments: list[str]) -> int:
    """Serve until stopped; with `check`, only tell whether that would work.

    Returns 78 and a line for each problem where the settings are wrong.
    """
    try:
        server = Server()
        if arguments == ["check"]:
            print(server.table.digest)
            return 0
        config = server.config
        logging.configure("gateway", config.log_level, config.log_format, logging.file_of(config))
    except ConfigError as error:
        for problem in error.problems:
            print(f"api_gateway: {problem}", file=sys.stderr)
        return 78  # EX_CONFIG of sysexits.h: starting again will not help.
    allow_descriptors()
    server.run()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
