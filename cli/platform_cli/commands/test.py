"""`test`: the whole test suite, or what pytest's arguments choose."""

import os
import sys

import click

from platform_cli.folders import ROOT

# Two, because the tests wait as often as they compute; tests/ has the whole platforms to itself.
EVERYTHING = ("-n", "2", "--dist", "loadscope", "--no-loadscope-reorder")


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> None:
    """Run the tests, all of them in two processes at a time.

    ARGUMENTS are pytest's, for one process; the stores that the tests need are started for them.
    """
    os.chdir(ROOT)
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *(arguments or EVERYTHING)])
