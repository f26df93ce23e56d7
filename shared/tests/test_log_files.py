"""Log files: the lines of the console, rotated, and none lost between several processes."""

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from demo_service import create_app

from chassis import logging as platform_logging
from chassis.config import ConfigError
from chassis.log_files import LogFile, RotatedFile

WRITER = """
import sys
from chassis.log_files import LogFile, RotatedFile
file = RotatedFile(LogFile(sys.argv[1], 4000, 100))
for number in range(500):
    file.write(f"{sys.argv[2]} {number} {'x' * 40}\\n".encode())
file.close()
"""


@pytest.fixture(autouse=True)
def root() -> Iterator[logging.Logger]:
    """The root logger, put back afterwards."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield root
    for handler in root.handlers:
        if handler not in before:
            handler.close()
    root.handlers[:] = before
    root.setLevel(level)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("style", ["json", "console"])
def test_the_file_has_the_lines_of_the_console_as_json(tmp_path: Path, style: str) -> None:
    stream, path = io.StringIO(), tmp_path / "logs" / "{service}.log"
    with redirect_stdout(stream):
        platform_logging.configure("demo", "INFO", style, LogFile(str(path), 100_000, 1))
    logging.getLogger("shop").info("龙井 %s", "sold", extra={"order_id": "o-1"})
    logging.getLogger("shop").debug("not shown")
    (line,) = lines(tmp_path / "logs" / "demo.log")
    assert (line["event"], line["order_id"], line["service"]) == ("龙井 sold", "o-1", "demo")
    if style == "json":
        assert json.loads(stream.getvalue()) == line
    else:
        assert "龙井 sold" in stream.getvalue()


def test_a_full_file_is_put_aside_and_old_ones_are_deleted(tmp_path: Path) -> None:
    file = RotatedFile(LogFile(str(tmp_path / "a.log"), 20, 2))
    for number in range(7):
        file.write(f"line {number}..\n".encode())
    file.close()
    assert {
        path.name: path.read_text() for path in tmp_path.glob("a.log*") if path.stat().st_size
    } == {
        "a.log": "line 6..\n",
        "a.log.1": "line 4..\nline 5..\n",
        "a.log.2": "line 2..\nline 3..\n",
    }


def test_a_line_longer_than_a_file_is_written_all_the_same(tmp_path: Path) -> None:
    file = RotatedFile(LogFile(str(tmp_path / "a.log"), 5, 1))
    file.write(b"much too long\n")
    file.write(b"x\n")
    file.close()
    assert (tmp_path / "a.log").read_text() == "x\n"
    assert (tmp_path / "a.log.1").read_text() == "much too long\n"


@pytest.mark.parametrize("move", [lambda path: path.rename(f"{path}.old"), Path.unlink])
def test_a_file_that_somebody_moved_or_deleted_is_made_anew(tmp_path: Path, move: Any) -> None:
    file = RotatedFile(LogFile(str(tmp_path / "a.log"), 1000, 1))
    file.write(b"before\n")
    move(tmp_path / "a.log")
    file.write(b"after\n")
    file.close()
    assert (tmp_path / "a.log").read_text() == "after\n"


def test_processes_that_share_a_file_lose_and_mix_nothing_while_it_rotates(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path / "a.log")]
    running = [subprocess.Popen([*command, name]) for name in "abcd"]
    assert [process.wait(60) for process in running] == [0] * 4
    files = [path for path in tmp_path.glob("a.log*") if path.suffix != ".lock"]
    written = [line for path in files for line in path.read_text().splitlines()]
    assert sorted(written) == sorted(f"{n} {i} {'x' * 40}" for n in "abcd" for i in range(500))
    # A writer that looked before another rotated adds at most its one line.
    assert len(files) > 20 and max(path.stat().st_size for path in files) <= 4000 + 4 * 50


def test_a_disk_that_takes_no_more_fails_nobody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = RotatedFile(LogFile(str(tmp_path / "a.log"), 1000, 1))
    full = os.open("/dev/full", os.O_WRONLY)
    own = file._descriptor
    file._descriptor = full
    for _ in range(2):
        file.write(b"lost\n")
    file._descriptor = own
    os.close(full)
    file.write(b"kept\n")
    file.close()
    assert (tmp_path / "a.log").read_text() == "kept\n"
    assert capsys.readouterr().err.count("No space left on device") == 1


def test_a_file_that_cannot_be_made_stops_the_start(
    services: Any, service: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    config = services.config(service, log_file=str(tmp_path / "file" / "a.log"))
    with pytest.raises(ConfigError, match="LOG_FILE cannot be written"):
        create_app(config)
