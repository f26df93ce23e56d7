"""A change of several files: shown as a unified diff, or made whole or not at all."""

import difflib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Changes:
    """edits: new texts of single files, empty for one that is not to be there.

    folder: the service's, which comes with `files`, or goes.
    """

    root: Path
    folder: str
    edits: Mapping[str, str]
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def removes(self) -> bool:
        return not self.files

    def summary(self) -> list[str]:
        """Return a line for the folder and one for each other file; ask before `apply`."""
        lines = [f"{self.folder}/  {'removed' if self.removes else f'{len(self.files)} files'}"]
        for path, text in self.edits.items():
            there = (self.root / path).exists()
            lines.append(f"{path}  {'removed' if not text else 'changed' if there else 'new'}")
        return lines

    def diff(self) -> Iterator[str]:
        """Yield the lines of a unified diff, as `git apply` and `patch -p1` read it."""
        if self.removes:
            for file in sorted(kept_files(self.root / self.folder)):
                old = file.read_text(encoding="utf-8", errors="replace")
                yield from _diff(file.relative_to(self.root).as_posix(), old, None)
        for path, text in self.files.items():
            yield from _diff(f"{self.folder}/{path}", None, text)
        for path, text in self.edits.items():
            yield from _diff(path, read(self.root / path) or None, text or None)

    def apply(self) -> None:
        """Write everything aside, then move it into place; a failure puts back what was moved."""
        # On the same file system, where a move is one step.
        aside = Path(tempfile.mkdtemp(prefix=".scaffold-", dir=self.root))
        try:
            self._write(aside / "new")
            with ExitStack() as undo:
                self._move(aside, undo)
                undo.pop_all()
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def _write(self, new: Path) -> None:
        texts = {f"{self.folder}/{path}": text for path, text in self.files.items()}
        for path, text in {**self.edits, **texts}.items():
            target = new / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
            if (self.root / path).exists():
                shutil.copymode(self.root / path, target)

    def _move(self, aside: Path, undo: ExitStack) -> None:
        for path, text in self.edits.items():
            file, old = self.root / path, aside / "old" / path
            old.parent.mkdir(parents=True, exist_ok=True)
            if file.exists():
                shutil.copy2(file, old)
                undo.callback(old.replace, file)
            else:
                undo.callback(file.unlink, missing_ok=True)
            if text:
                (aside / "new" / path).replace(file)
            else:
                file.unlink()
        folder = self.root / self.folder
        if self.removes:
            folder.replace(aside / "gone")
        else:
            (aside / "new" / self.folder).replace(folder)


def read(file: Path) -> str:
    """Return the text of a file, empty where there is none."""
    return file.read_text(encoding="utf-8") if file.exists() else ""


def kept_files(folder: Path) -> list[Path]:
    """Return the files of a folder that are not by-products of running it."""
    return [
        path
        for path in folder.rglob("*")
        if path.is_file() and not any(part in _BY_PRODUCTS for part in path.parts)
    ]


_BY_PRODUCTS = {"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis"}


def _diff(path: str, old: str | None, new: str | None) -> Iterator[str]:
    yield from difflib.unified_diff(
        (old or "").splitlines(keepends=True),
        (new or "").splitlines(keepends=True),
        "/dev/null" if old is None else f"a/{path}",
        "/dev/null" if new is None else f"b/{path}",
    )
