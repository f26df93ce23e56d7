"""The platform that runs now: where its gateway is and how its first admin signs in."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from platform_cli.errors import PlatformError
from platform_cli.folders import DEFAULT_VAR, Var
from platform_cli.supervisor.state import StateFolder
from platform_cli.supervisor.topology import ADMIN_EMAIL


@dataclass(frozen=True)
class Running:
    """Address and first admin of a running platform."""

    url: str
    admin_email: str
    admin_password: str


def find_running(var: Path | None = None, url: str | None = None) -> Running:
    """Return the platform whose state is below `var`, or the one at `url`.

    The admin comes from ADMIN_EMAIL and ADMIN_PASSWORD where these are set, as for a platform that
    somebody else started. Raises PlatformError when none runs here.
    """
    folders = Var(var or DEFAULT_VAR)
    email = os.environ.get("ADMIN_EMAIL", ADMIN_EMAIL)
    password = os.environ.get("ADMIN_PASSWORD")
    if url is None:
        state = StateFolder(folders.run)
        if state.alive() is None or (found := state.read()) is None:
            raise PlatformError("no platform runs here; start one with ./platform up")
        url = found.gateway
    if password is None:
        if not folders.secrets.exists():
            raise PlatformError("set ADMIN_PASSWORD: this folder knows no admin of that platform")
        password = str(json.loads(folders.secrets.read_text())["ADMIN_PASSWORD"])
    return Running(url, email, password)
