"""Brings .venv up to its locks, then runs the command line; standard library only.

Run by ./platform with any Python >= 3.11, so nothing of ours or of others can be imported here.
A checksum of the locks, written last, tells a finished install: without it .venv is made anew.
What requirements-compiled.lock names has no wheel, and is done without where nothing compiles it.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
COMPILED = ROOT / "requirements-compiled.lock"
STAMP = VENV / "requirements.sha256"
PYTHON = VENV / "bin" / "python"
PIP = [str(PYTHON), "-I", "-m", "pip"]
INSTALL = [*PIP, "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps"]
NOT_COMPILED = (
    "platform: no C compiler (or no Python.h): the gateway reads requests with its own parser, "
    "which costs 5 µs more"
)


def folders() -> list[Path]:
    """Return the folders that hold an importable package."""
    fixed = [ROOT / name for name in ("shared", "cli", "api-gateway")]
    examples = (path for path in ROOT.glob("examples/*") if path.is_dir())
    return [*fixed, *sorted(ROOT.glob("*-service")), *sorted(examples)]


def write_path_file() -> None:
    """Put our packages on the path of .venv; rewritten when a service has come or gone."""
    text = "".join(f"{path}\n" for path in folders())
    for site in VENV.glob("lib/python3*/site-packages"):
        path_file = site / "platform.pth"
        if not path_file.exists() or path_file.read_text() != text:
            path_file.write_text(text)


def show(text: str, end: str = "") -> None:
    """Write the one progress line, again and again on a terminal, once elsewhere."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end=end, file=sys.stderr, flush=True)
    elif end:
        print(text, file=sys.stderr, flush=True)


def attempt(command: list[str], label: str) -> str | None:
    """Run one step of the install; return the last line of what it wrote where it failed."""
    began = time.monotonic()
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        while True:
            show(f"platform: {label} ({time.monotonic() - began:.0f} s)")
            try:
                output = process.communicate(timeout=0.5)[0]
                break
            except subprocess.TimeoutExpired:
                continue
    if process.returncode == 0:
        return None
    lines = [line.strip() for line in output.splitlines() if line.strip()] or ["no output"]
    errors = [line for line in lines if line.startswith("ERROR:")]
    return (errors or lines)[-1]


def run(command: list[str], label: str) -> None:
    """Run a step that has to succeed, or end with why it did not."""
    if error := attempt(command, label):
        show(f"platform: {label} failed: {error}", end="\n")
        sys.exit(1)


def compile_packages() -> None:
    """Install what has to be compiled, or say that it is done without."""
    command = [*INSTALL, "--require-hashes", "-r", str(COMPILED)]
    if attempt(command, "compiling the gateway's parser"):
        # The one of an earlier lock would stay.
        attempt(
            [*PIP, "uninstall", "--quiet", "--yes", "-r", str(COMPILED)], "removing the old one"
        )
        show(NOT_COMPILED, end="\n")


def install(checksum: str) -> None:
    """Make .venv, or only update its packages when it was finished for other locks."""
    began = time.monotonic()
    finished_before = STAMP.exists() and os.access(PYTHON, os.X_OK)
    STAMP.unlink(missing_ok=True)
    if not finished_before:
        if find_spec("venv") is None or find_spec("ensurepip") is None:
            sys.exit("platform: this Python lacks venv (Debian: apt-get install python3-venv)")
        # The Python below a running .venv, because --clear removes the one that runs this.
        base = getattr(sys, "_base_executable", sys.executable)
        run([base, "-m", "venv", "--clear", str(VENV)], "making .venv")
    packages = sum(line[:1].isalnum() for line in LOCK.read_text().splitlines())
    label = f"installing {packages} packages into .venv, once"
    run([*INSTALL, "--require-hashes", "-r", str(LOCK)], label)
    compile_packages()
    write_path_file()
    STAMP.write_text(checksum)
    show(f"platform: {packages} packages installed in {time.monotonic() - began:.0f} s", end="\n")


def installed(checksum: str) -> bool:
    """Tell whether .venv is finished for these locks, and its Python is still there for us.

    It is a link: to a Python that an upgrade of the system replaces, or that another user has.
    """
    return STAMP.exists() and STAMP.read_text() == checksum and os.access(PYTHON, os.X_OK)


def main() -> None:
    """Install if needed, one process at a time, then run the command line."""
    with LOCK.open("rb") as lock:
        checksum = hashlib.sha256(lock.read() + COMPILED.read_bytes()).hexdigest()
        if not installed(checksum):
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not installed(checksum):
                install(checksum)
        write_path_file()
    # -P: a file of the current folder must not take the place of a module.
    os.execv(PYTHON, [str(PYTHON), "-P", "-m", "platform_cli", *sys.argv[1:]])


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        sys.exit(f"platform: {error.strerror}: {error.filename or PYTHON}")
