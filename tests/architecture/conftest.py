"""What the fitness tests look at: all services, and all files that git knows."""

import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLES = REPOSITORY / "examples"


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def packages() -> list[str]:
    """The importable packages of all services that stand on the chassis."""
    found = [path.parent.name for path in REPOSITORY.glob("*-service/*/__init__.py")]
    return sorted(name for name in found if name.endswith("_service"))


@pytest.fixture(scope="session")
def folders() -> dict[str, Path]:
    """The folders of all services by package, those of the examples too."""
    found = [*REPOSITORY.glob("*-service/*/__init__.py"), *EXAMPLES.glob("*/*/__init__.py")]
    packages = {path.parent.name: path.parents[1] for path in found}
    return {name: packages[name] for name in sorted(packages) if name.endswith("_service")}


@pytest.fixture(scope="session")
def source_files() -> list[Path]:
    """Every Python file of the project, new ones included."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"]
    listed = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True)
    paths = (REPOSITORY / line for line in listed.stdout.splitlines())
    return sorted(path for path in paths if path.exists())
