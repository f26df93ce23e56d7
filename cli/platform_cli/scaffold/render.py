"""The files of a new service, from `template/`."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

# Flask brings it; that is why it is not in requirements.in by itself.
from jinja2 import Environment, StrictUndefined

from platform_cli.errors import PlatformError
from platform_cli.folders import ROOT
from platform_cli.scaffold.request import Request

TEMPLATE = Path(__file__).parent / "template"
_SUFFIX = ".jinja"


def render(request: Request) -> dict[str, str]:
    """Return the text of each file by its path below the service's folder."""
    environment = Environment(
        undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False
    )
    environment.filters["literal"] = repr
    variables = {**request.variables(), "sample": _sample(request)}
    files = {}
    for path in sorted(TEMPLATE.rglob("*")):
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            if path.suffix == _SUFFIX:
                text = environment.from_string(text).render(variables)
            files[_target(path, request)] = text
    return _tidy(files, request.package)


def _target(path: Path, request: Request) -> str:
    name = path.relative_to(TEMPLATE).as_posix().removesuffix(_SUFFIX)
    names = {"PACKAGE": request.package, "RESOURCES": request.resources, "EVENT": request.event}
    for word, value in names.items():
        name = name.replace(word, value)
    return name


def _sample(request: Request) -> str:
    return json.dumps({field.name: field.kind.example for field in request.fields})


def _tidy(files: dict[str, str], package: str) -> dict[str, str]:
    """Sort and prune imports and break lines, which depends on the names that were given.

    So the templates can import whatever some type of field needs.
    """
    with tempfile.TemporaryDirectory(prefix="new-service-") as name:
        folder = Path(name)
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        ours = f'lint.isort.known-first-party=["chassis", "{package}"]'
        _ruff("check", "--fix", "--select", "I,F401", "--config", ours, folder=folder)
        _ruff("format", folder=folder)
        return {path: (folder / path).read_text(encoding="utf-8") for path in files}


def _ruff(*arguments: str, folder: Path) -> None:
    # The configuration of the checkout, whose line length is the one that its own check wants.
    command = [sys.executable, "-m", "ruff", *arguments, "--config", str(ROOT / "pyproject.toml")]
    done = subprocess.run(
        [*command, "--no-cache", "--quiet", "."], cwd=folder, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise PlatformError(f"ruff: {(done.stdout + done.stderr).strip()[:500]}")
