"""The prompt: Python, with `events order.*` as a command and short errors of the platform."""

import ast
import code
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from chassis.exceptions import ServiceError

Command = Callable[..., None]
HISTORY_LINES = 2000


class Prompt(code.InteractiveConsole):
    """commands: names that can be given words instead of Python, as in `events order.*`."""

    def __init__(self, names: dict[str, Any], commands: Mapping[str, Command]) -> None:
        super().__init__(names)
        self._commands = commands

    def runsource(self, source: str, filename: str = "<shell>", symbol: str = "single") -> bool:
        """Run a command or Python; return whether more lines are wanted."""
        name, *words = source.split() or [""]
        if name in self._commands and all(_is_word(word) for word in words):
            self._commands[name](*words)
            return False
        return super().runsource(source, filename, symbol)

    def showtraceback(self) -> None:
        """Show what was raised; an error of the platform is one line."""
        _, error, _ = sys.exc_info()
        if isinstance(error, ServiceError):
            self.write(f"{told(error)}\n")
        else:
            super().showtraceback()


def _is_word(text: str) -> bool:
    return all(one.isalnum() or one in "._*?-" for one in text)


def told(error: ServiceError) -> str:
    """Return an error as people read it: `DivisionByZero 422 compute.division_by_zero: ...`."""
    fields = "; ".join(f"{one['field']}: {one['message']}" for one in error.errors)
    text = f"{error.message} ({fields})" if fields else error.message
    return f"{type(error).__name__} {error.status} {error.code}: {text}"


def run_code(source: str, names: dict[str, Any]) -> None:
    """Run Python and print the value of a last line that is an expression."""
    tree = ast.parse(source, "<shell>")
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<shell>", "exec"), names)
    if isinstance(last, ast.Expr):
        sys.displayhook(eval(compile(ast.Expression(last.value), "<shell>", "eval"), names))


@contextmanager
def line_editing(names: dict[str, Any], history: Path) -> Iterator[None]:
    """Give the prompt completion by Tab and a history that is kept; nothing without readline."""
    try:
        import readline
        import rlcompleter
    except ImportError:
        yield
        return
    readline.set_completer(rlcompleter.Completer(names).complete)
    editline = "libedit" in (readline.__doc__ or "")
    readline.parse_and_bind("bind ^I rl_complete" if editline else "tab: complete")
    with suppress(OSError):
        readline.read_history_file(history)
    readline.set_history_length(HISTORY_LINES)
    try:
        yield
    finally:
        readline.set_completer(None)
        with suppress(OSError):
            # It may hold passwords that somebody has typed.
            history.touch(0o600)
            readline.write_history_file(history)
