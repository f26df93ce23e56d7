"""`./platform` and `python -m platform_cli`."""

import errno
import sys

import click

from chassis import __version__
from platform_cli.errors import PlatformError
from platform_cli.lazy_group import LazyGroup

COMMANDS = {
    **{
        name: f"platform_cli.commands.{name}:command"
        for name in ("up", "down", "restart", "reload", "status", "logs", "migrate", "reset")
    },
    **{name: f"platform_cli.commands.{name}:command" for name in ("shell", "test")},
    **{name: f"platform_cli.commands.{name}:command" for name in ("backup", "restore")},
    "bench": "platform_cli.bench.command:command",
    "demo": "platform_cli.demo.command:command",
    "init": "platform_cli.commands.init:command",
    "loglevel": "platform_cli.commands.loglevel:command",
    "new-service": "platform_cli.commands.new_service:command",
    "remove-service": "platform_cli.commands.remove_service:command",
    "replay": "platform_cli.replay.command:command",
}


@click.group(cls=LazyGroup, commands_by_address=COMMANDS)
@click.version_option(__version__, prog_name="platform")
def cli() -> None:
    """Start, watch and exercise the platform on this machine."""


def main() -> None:
    """Run the command line; foreseen failures are one line and exit code 1."""
    try:
        cli(prog_name="platform")
    except PlatformError as error:
        sys.exit(f"platform: {error}")
    except OSError as error:
        if error.errno == errno.ENOSPC:
            sys.exit(f"platform: the disk is full ({error.filename or 'writing'})")
        if error.errno == errno.EPIPE:
            sys.exit(0)
        raise


if __name__ == "__main__":
    main()
