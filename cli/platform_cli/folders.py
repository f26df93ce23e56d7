"""Where the files of a platform are: one `var` folder each, beside the code by default."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from platform_cli.errors import PlatformError

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_VAR = Path(os.environ.get("PLATFORM_VAR", ROOT / "var")).absolute()
NEEDED_MEGABYTES = 200


@dataclass(frozen=True)
class Var:
    """The folders and files below one `var`."""

    path: Path

    @property
    def data(self) -> Path:
        return self.path / "data"

    @property
    def logs(self) -> Path:
        return self.path / "log"

    @property
    def run(self) -> Path:
        return self.path / "run"

    @property
    def secrets(self) -> Path:
        return self.path / "secrets.json"

    @property
    def ports(self) -> Path:
        return self.path / "ports.json"

    def log(self, process: str) -> Path:
        """Return the log file of a process."""
        return self.logs / f"{process}.log"

    def make(self) -> None:
        """Make the folders; raises PlatformError when the disk is nearly full or not ours."""
        try:
            for folder in (self.data, self.logs, self.run):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PlatformError(f"cannot write {error.filename}: {error.strerror}") from error
        check_space(self.path)


def check_space(folder: Path, needed: int = NEEDED_MEGABYTES) -> None:
    """Raise PlatformError unless the disk of the folder has `needed` megabytes left."""
    free = shutil.disk_usage(folder).free // 2**20
    if free < needed:
        raise PlatformError(f"the disk is full: {free} MB left for {folder}, {needed} MB needed")
