"""How the start looks: a live table on a terminal, one line a process elsewhere."""

import sys
import time
from typing import TYPE_CHECKING, Self

from platform_cli.supervisor.state import State

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

STYLES = {
    "waiting": "dim",
    "starting": "yellow",
    "ready": "green",
    "done": "green",
    "restarting": "bold red",
    "unready": "red",
    "stopping": "yellow",
    "stopped": "dim",
}
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Display:
    """Takes states as they come; call it from one thread."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._phases: dict[str, str] = {}
        self._took: dict[str, float] = {}
        self._live: Live | None = None
        self._hold = False

    def __enter__(self) -> Self:
        if sys.stdout.isatty():
            from rich.live import Live

            self._live = Live(auto_refresh=False)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.freeze()

    def freeze(self) -> None:
        """Leave the table as it is and write lines from now on."""
        if self._live:
            self._live.stop()
            self._live = None

    def __call__(self, state: State) -> None:
        """Show what has changed."""
        for row in state.processes:
            if self._phases.get(row.name) == row.phase:
                continue
            before = self._phases.get(row.name, "waiting")
            self._phases[row.name] = row.phase
            self._took[row.name] = time.monotonic() - self._began
            never_started = before == "waiting" and row.phase == "stopped"
            if self._live is None and not never_started:
                self._say(row.name, row.phase, row.error)
        if self._live:
            self._live.update(self._table(state), refresh=True)

    def _say(self, name: str, phase: str, error: str) -> None:
        if phase in ("ready", "done", "restarting", "unready", "stopped"):
            detail = f"  {error}" if phase == "restarting" else ""
            print(f"{self._took[name]:6.1f} s  {name:<18} {phase}{detail}", flush=True)

    def _table(self, state: State) -> "Table":
        from rich.table import Table

        table = Table(box=None, show_header=False, pad_edge=False)
        frame = SPINNER[int(time.monotonic() * 10) % len(SPINNER)]
        for row in state.processes:
            settled = row.phase in ("ready", "done")
            mark = "✓" if settled else "·" if row.phase in ("waiting", "stopped") else frame
            took = f"{self._took[row.name]:.1f} s" if settled else ""
            port = f":{row.port}" if row.port else ""
            style = STYLES.get(row.phase, "")
            error = row.error if row.phase == "restarting" else ""
            table.add_row(mark, row.name, port, f"[{style}]{row.phase}[/]", took, error[:70])
        return table
