"""A click group that imports a command's module only when the command is used or listed."""

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import click


class LazyGroup(click.Group):
    """commands_by_address: command name -> "module:attribute"; a missing module is no command."""

    def __init__(self, *args: Any, commands_by_address: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._addresses = commands_by_address

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in self._addresses if self._exists(name)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._addresses or not self._exists(cmd_name):
            return None
        module, attribute = self._addresses[cmd_name].split(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def _exists(self, name: str) -> bool:
        try:
            return find_spec(self._addresses[name].split(":")[0]) is not None
        except ModuleNotFoundError:  # Its package is missing, too.
            return False
