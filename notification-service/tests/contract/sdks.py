"""Installs the official SDKs (45 packages, 70 MB) beside .venv, once for each content of sdks.lock.

They are for tests alone, and what they pull in must not meddle with what the services run on. A
folder that pip fills is enough: `python -S` with it on its path sees the SDKs and nothing of ours.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

LOCK = Path(__file__).with_name("sdks.lock")
CACHE = Path(__file__).resolve().parents[3] / "var" / "cache"
_PYTHON = f"py{sys.version_info.major}{sys.version_info.minor}"


class NotInstalled(Exception):
    """The SDKs cannot be installed; the message is one line that says why."""


def install(timeout: float | None = None) -> Path:
    """Return the folder of the SDKs, installing them where that was not done for this lock.

    timeout: seconds that it may take. Processes take turns. Raises NotInstalled.
    """
    checksum = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    folder = CACHE / f"sms-sdks-{checksum}-{_PYTHON}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "sms-sdks.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not folder.exists():
            _install(folder, timeout)
    return folder


def _install(folder: Path, timeout: float | None) -> None:
    for stale in CACHE.glob(f"sms-sdks-*-{_PYTHON}"):
        shutil.rmtree(stale, ignore_errors=True)
    unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=CACHE))
    options = ["--quiet", "--no-input", "--disable-pip-version-check", "--no-compile"]
    # Offline it says so at once.
    options += ["--retries", "1", "--timeout", "10", "--no-deps", "--require-hashes"]
    command = [sys.executable, "-m", "pip", "install", *options]
    try:
        subprocess.run(
            [*command, "--target", str(unfinished), "--requirement", str(LOCK)],
            check=True,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        os.rename(unfinished, folder)
    except subprocess.TimeoutExpired:
        raise NotInstalled(f"installing them took more than {timeout:.0f} s") from None
    except subprocess.CalledProcessError as error:
        lines = [line for line in error.stderr.splitlines() if line.startswith("ERROR:")]
        raise NotInstalled((lines or ["pip failed without a word"])[0]) from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


if __name__ == "__main__":
    try:
        print(f"SDKs of the SMS providers: {install()}")
    except NotInstalled as problem:
        sys.exit(f"SDKs of the SMS providers: {problem}")
