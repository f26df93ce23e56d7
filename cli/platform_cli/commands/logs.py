"""`logs`: what the processes wrote."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import click

from platform_cli.commands.choices import matching, var_option
from platform_cli.errors import PlatformError


@click.command()
@click.argument("service", required=False)
@click.option("--follow", "-f", is_flag=True, help="Go on as lines come; Ctrl-C ends it.")
@click.option(
    "--lines",
    "-n",
    type=click.IntRange(min=0),
    default=50,
    show_default=True,
    help="Last lines of each log.",
)
@var_option
def command(service: str | None, follow: bool, lines: int, var: Path) -> None:
    """Print the end of the logs.

    All of them, or those of one process or service.
    """
    files = {path.stem: path for path in sorted((var / "log").glob("*.log"))}
    if not files:
        raise PlatformError(f"there are no logs in {var / 'log'}")
    names = matching(service, list(files)) if service else list(files)
    width = max(map(len, names)) if len(names) > 1 else 0
    opened = {name: files[name].open("rb") for name in names}
    try:
        for name, file in opened.items():
            for line in tail(file, lines):
                say(name, line, width)
        while follow:
            time.sleep(0.2)
            for name, file in opened.items():
                for line in file:
                    say(name, line, width)
    except KeyboardInterrupt:
        pass
    finally:
        for file in opened.values():
            file.close()


def tail(file: BinaryIO, count: int, block: int = 65536) -> Iterator[bytes]:
    """Yield the last lines of a file, reading it from its end; the file stands at its end then."""
    end = file.seek(0, 2)
    start, data = end, b""
    while start > 0 and data.count(b"\n") <= count:
        size = min(block, start)
        start -= size
        file.seek(start)
        data = file.read(size) + data
    file.seek(end)
    yield from data.splitlines(keepends=True)[-count:] if count else ()


def say(name: str, line: bytes, width: int) -> None:
    """Print a line, with the process's name before it when several are shown."""
    text = line.decode(errors="replace").rstrip("\n")
    click.echo(f"{click.style(name.ljust(width), fg='cyan')} | {text}" if width else text)
