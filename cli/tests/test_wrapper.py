import hashlib
import os
import stat
import subprocess
import time
from pathlib import Path

import pytest

from platform_cli.folders import ROOT

WRAPPER = ROOT / "platform"


def write_program(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the wrapper without .venv."""
    for name in ("platform", "cli/install.py"):
        write_program(tmp_path / name, (ROOT / name).read_text())
    (tmp_path / "requirements.lock").write_text("click==not-a-version\n")
    return tmp_path


def run(checkout: Path, *arguments: str, path: str) -> tuple[int, str, str]:
    result = subprocess.run(
        ["/bin/sh", str(checkout / "platform"), *arguments],
        env={"PATH": path},
        capture_output=True,
        text=True,
    )
    return result.returncode, result.stdout, result.stderr


def test_an_old_python_is_one_clear_line(checkout: Path, tmp_path: Path) -> None:
    old = "#!/bin/sh\ncase $2 in *print*) echo 3.9 ;; *) exit 1 ;; esac\n"
    write_program(tmp_path / "bin" / "python3", old)
    assert run(checkout, "up", path=str(tmp_path / "bin")) == (
        1,
        "",
        "platform: needs Python 3.11 or newer (found: python3 3.9)\n",
    )


def test_no_python_is_one_clear_line(checkout: Path, tmp_path: Path) -> None:
    assert run(checkout, "up", path=str(tmp_path / "nothing")) == (
        1,
        "",
        "platform: needs Python 3.11 or newer (found: none)\n",
    )


def test_a_newer_python_beside_an_old_one_is_found(checkout: Path, tmp_path: Path) -> None:
    old = "#!/bin/sh\ncase $2 in *print*) echo 3.9 ;; *) exit 1 ;; esac\n"
    new = '#!/bin/sh\ncase $2 in *print*) echo 3.12 ;; *version*) ;; *) echo "$@" ;; esac\n'
    write_program(tmp_path / "bin" / "python3", old)
    write_program(tmp_path / "bin" / "python3.12", new)
    code, out, _ = run(checkout, "status", "--json", path=str(tmp_path / "bin"))
    assert (code, out) == (0, f"-I {checkout}/cli/install.py status --json\n")


def test_an_install_that_fails_says_why_and_is_not_taken_for_done(checkout: Path) -> None:
    code, _, errors = run(checkout, "status", path=os.environ["PATH"])
    assert code == 1
    line = errors.splitlines()[-1]
    assert line.startswith("platform: installing 1 packages into .venv, once failed: ERROR:")
    assert not (checkout / ".venv" / "requirements.sha256").exists()


def test_later_runs_install_nothing_and_take_less_than_a_second(checkout: Path) -> None:
    lock = (checkout / "requirements.lock").read_bytes()
    python = '#!/bin/sh\ncase $* in *install.py*) exec python3 "$@" ;; *) echo "$@" ;; esac\n'
    write_program(checkout / ".venv" / "bin" / "python", python)
    (checkout / ".venv" / "requirements.sha256").write_text(hashlib.sha256(lock).hexdigest())
    began = time.monotonic()
    code, out, errors = run(checkout, "status", path=os.environ["PATH"])
    assert (code, out, errors) == (0, "-P -m platform_cli status\n", "")
    assert time.monotonic() - began < 1.0


def test_the_wrapper_is_executable() -> None:
    assert os.access(WRAPPER, os.X_OK)
