"""Getting the peers: Debian's are found, those of npm and Python are installed below a folder."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from platform_cli.bench.peers import FILES

_DEBIAN = {"nginx": "nginx-light", "haproxy": "haproxy", "wrk": "wrk", "npm": "npm"}
_TIMEOUT = 600


def missing_programs(*names: str) -> list[str]:
    """Return the Debian packages of the programs that are not there."""
    return [_DEBIAN[name] for name in names if shutil.which(name) is None]


def prepare(kind: str, cache: Path) -> str:
    """Make ready what peers of a kind need; return "", or why they cannot run."""
    if kind == "ours":
        return ""
    absent = missing_programs(*{"node": ["npm"], "python": []}.get(kind, [kind]))
    if absent:
        return f"not installed (Debian: {' '.join(absent)})"
    installer = {"node": _install_node, "python": _install_python}.get(kind)
    return installer(cache / kind) if installer else ""


def _install_node(folder: Path) -> str:
    sources = [*FILES.glob("peers/*.mjs"), FILES / "peers" / "package.json"]
    folder.mkdir(parents=True, exist_ok=True)
    for source in sources:
        shutil.copy(source, folder)
    npm = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--omit=dev"]
    return _once(folder, sources[-1], npm)


def _install_python(folder: Path) -> str:
    wanted = FILES / "peers" / "requirements.txt"
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "-r", str(wanted)]
    return _once(folder, wanted, [sys.executable, "-m", "venv", "--clear", str(folder)], pip)


def _once(folder: Path, wanted: Path, *commands: list[str]) -> str:
    """Run the commands unless they succeeded before with the same content of `wanted`."""
    done = folder / "installed.sha256"
    checksum = hashlib.sha256(wanted.read_bytes()).hexdigest()
    if done.exists() and done.read_text() == checksum:
        return ""
    folder.mkdir(parents=True, exist_ok=True)
    for command in commands:
        ended = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=_TIMEOUT, check=False
        )
        if ended.returncode:
            lines = ended.stderr.strip().splitlines() or ["no reason given"]
            return f"{command[0].rpartition('/')[2]} failed: {lines[-1][:120]}"
    done.write_text(checksum)
    return ""
