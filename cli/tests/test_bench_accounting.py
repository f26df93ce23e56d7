import subprocess
import sys

import pytest

from platform_cli.bench import accounting

STAT = (
    "4242 (a (odd) name) S 1 4242 4242 0 -1 4194560 2117 0 0 0 "
    "173 58 900 900 20 0 5 0 99 1 1 18446744073709551615"
)


def test_cpu_is_user_and_system_without_reaped_children_whatever_the_name() -> None:
    assert accounting.ticks_of(STAT) == 173 + 58


def test_busy_time_of_the_machine_leaves_idle_iowait_and_steal_out() -> None:
    text = "cpu  100 20 30 4000 500 6 7 800 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n"
    assert accounting.busy_ticks(text) == 100 + 20 + 30 + 6 + 7


def test_memory_is_pss() -> None:
    text = "00400000-7ffe [rollup]\nRss:    9000 kB\nPss:    5120 kB\nPss_Dirty:    77 kB\n"
    assert accounting.pss_of(text) == 5120


def test_memory_without_a_pss_line_is_an_error() -> None:
    with pytest.raises(ValueError, match="no Pss"):
        accounting.pss_of("Rss: 1 kB\n")


def test_the_family_of_a_process_holds_its_descendants() -> None:
    inner = "import sys; print('up', flush=True); sys.stdin.read()"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", outer], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline() == b"up\n"
        found = accounting.family(process.pid)
        meter = accounting.Meter(process.pid, process.pid)
        used = meter.used()
        memory = accounting.memory_mb(found)
        process.stdin.close()
    assert len(found) == 2 and found[0] == process.pid
    assert used.gateway >= 0 and used.others >= 0
    assert memory > 1
