"""What a supervisor that was killed may have left: waits for it to go, then ends it.

On Linux the kernel ends everything with the supervisor; this is for the seconds that an orderly end
takes, and for systems without that kernel feature.
"""

import os
import signal
import time
from contextlib import suppress

import psutil

from platform_cli.supervisor.state import State


def survivors(state: State) -> list[psutil.Process]:
    """Return the processes of an old state that still run; a reused pid is not one of them."""
    found = []
    for row in state.processes:
        if row.pid is None:
            continue
        with suppress(psutil.Error):
            process = psutil.Process(row.pid)
            if abs(process.create_time() - row.started_at) < 5:
                found.append(process)
    return found


def clear(state: State | None, patience: float = 10.0) -> None:
    """Return when nothing of an old state runs any more; patience: seconds before SIGKILL."""
    if state is None:
        return
    deadline = time.monotonic() + patience
    while (left := survivors(state)) and time.monotonic() < deadline:
        psutil.wait_procs(left, timeout=0.2)
    for process in left:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    psutil.wait_procs(left, timeout=5.0)
