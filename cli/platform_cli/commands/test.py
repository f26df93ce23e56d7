"""`test`: the whole test suite, or what pytest's arguments choose."""

import os
import sys

import click

from platform_cli.folders import ROOT


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> None:
    """Run the tests.

    ARGUMENTS are pytest's; the stores that the tests need are started for them.
    """
    os.chdir(ROOT)
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *arguments])
