import hashlib
import os
import resource
import stat
import subprocess
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
    (tmp_path / "requirements-compiled.lock").write_text("parser==1\n")
    return tmp_path


@pytest.fixture
def installed(checkout: Path) -> Path:
    """A copy with a .venv for other locks, whose Python notes what it is asked to do.

    A file `no-compiler` in the copy lets the install of what has to be compiled fail.
    """
    python = """#!/bin/sh
case $* in *install.py*) exec python3 "$@" ;; esac
folder=$(dirname "$0")/../..
echo "$@" >> $folder/calls
case $* in
*" install "*compiled.lock) [ ! -e $folder/no-compiler ] || { echo "error: no cc" >&2; exit 1; } ;;
esac
"""
    write_program(checkout / ".venv" / "bin" / "python", python)
    (checkout / ".venv" / "requirements.sha256").write_text("another")
    return checkout


def calls(checkout: Path) -> list[str]:
    """Return what Python was asked to do since the last call: pip's commands and the last word."""
    lines = (checkout / "calls").read_text().splitlines()
    (checkout / "calls").unlink()
    words = [line.replace(f"{checkout}/", "").split() for line in lines]
    return [f"{word[3]} {word[-1]}" if "pip" in word else word[-1] for word in words]


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


def cpu_of_children() -> float:
    """Return the seconds of CPU of the children that ended; what else runs makes no difference."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def test_later_runs_install_nothing_and_take_less_than_a_second(checkout: Path) -> None:
    locks = [checkout / "requirements.lock", checkout / "requirements-compiled.lock"]
    checksum = hashlib.sha256(b"".join(lock.read_bytes() for lock in locks)).hexdigest()
    python = '#!/bin/sh\ncase $* in *install.py*) exec python3 "$@" ;; *) echo "$@" ;; esac\n'
    write_program(checkout / ".venv" / "bin" / "python", python)
    (checkout / ".venv" / "requirements.sha256").write_text(checksum)
    before = cpu_of_children()
    code, out, errors = run(checkout, "status", path=os.environ["PATH"])
    assert (code, out, errors) == (0, "-P -m platform_cli status\n", "")
    assert cpu_of_children() - before < 1.0


def test_a_venv_whose_python_is_gone_is_made_again(checkout: Path) -> None:
    locks = [checkout / "requirements.lock", checkout / "requirements-compiled.lock"]
    checksum = hashlib.sha256(b"".join(lock.read_bytes() for lock in locks)).hexdigest()
    python = checkout / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(checkout / "a-python-that-an-upgrade-removed")
    (checkout / ".venv" / "requirements.sha256").write_text(checksum)
    code, _, errors = run(checkout, "status", path=os.environ["PATH"])
    # The install itself cannot succeed here: this checkout's lock names no real package.
    assert (code, "once failed: ERROR:" in errors) == (1, True), errors
    assert os.access(python, os.X_OK)


def test_without_a_compiler_one_line_says_so_and_the_command_runs(installed: Path) -> None:
    (installed / "no-compiler").touch()
    code, _, errors = run(installed, "status", path=os.environ["PATH"])
    first, second = errors.splitlines()
    assert (code, first[:23]) == (0, "platform: no C compiler")
    assert second.startswith("platform: 1 packages installed in ")
    assert calls(installed) == [
        "install requirements.lock", "install requirements-compiled.lock",
        "uninstall requirements-compiled.lock", "status",
    ]  # fmt: skip
    assert run(installed, "status", path=os.environ["PATH"]) == (0, "", "")
    assert calls(installed) == ["status"]


def test_a_change_of_what_has_to_be_compiled_tries_again(installed: Path) -> None:
    (installed / "no-compiler").touch()
    run(installed, "status", path=os.environ["PATH"])
    calls(installed)
    (installed / "no-compiler").unlink()
    (installed / "requirements-compiled.lock").write_text("parser==2\n")
    code, _, errors = run(installed, "status", path=os.environ["PATH"])
    assert (code, len(errors.splitlines())) == (0, 1)
    assert calls(installed) == [
        "install requirements.lock", "install requirements-compiled.lock", "status"
    ]  # fmt: skip


def test_the_wrapper_is_executable() -> None:
    assert os.access(WRAPPER, os.X_OK)
