import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from platform_cli import child
from platform_cli.child import Command


def test_a_child_of_another_thread_is_refused_because_it_would_die_with_it(folder: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(child.spawn, Command(argv=("true",)), folder / "log")
        with pytest.raises(RuntimeError, match="from the main thread only"):
            future.result()
    assert list(folder.iterdir()) == []


def test_a_program_that_is_missing_says_so_in_its_log(folder: Path) -> None:
    process = child.spawn(Command(argv=("no-such-program",)), folder / "log")
    assert process.wait(10) == 1
    assert (folder / "log").read_text() == "no-such-program: No such file or directory\n"


def test_the_environment_of_a_command_is_added_to_ours(folder: Path) -> None:
    script = "import os; print(os.environ['ADDED'], 'PATH' in os.environ)"
    result = child.run(Command(argv=(sys.executable, "-c", script), env={"ADDED": "yes"}))
    assert (result.stdout, result.returncode) == ("yes True\n", 0)


def test_what_a_child_left_in_its_session_ends_with_it(
    folder: Path, eventually: Callable[..., None]
) -> None:
    argv = ("sh", "-c", "sleep 300 & echo $!; wait")
    command = Command(argv=argv, stop_signal=signal.SIGKILL)
    process = child.spawn(command, folder / "log")
    eventually(lambda: (folder / "log").read_text().endswith("\n"))
    left = psutil.Process(int((folder / "log").read_text()))
    assert child.stop(process, command) == -signal.SIGKILL
    assert psutil.wait_procs([left], timeout=10)[1] == []
