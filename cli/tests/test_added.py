"""`up --with FOLDER`: what a service's platform.toml says, and what the platform makes of it."""

import tomllib
from pathlib import Path

import pytest

from platform_cli.errors import PlatformError
from platform_cli.supervisor.added import read_added
from platform_cli.supervisor.options import Options, parse_scale, require_external
from platform_cli.supervisor.start import plan

MANIFEST = """\
# What a team writes.
[service]
name = "compute"
package = "compute_service"
port = 5010

# Kept as it is.
[services.compute]
prefix = "/api/compute"
upstream = "COMPUTE_URL"

[[services.compute.rules]]
match = ["POST /api/compute"]
limits = ["60/minute per user"]
"""


@pytest.fixture
def service(tmp_path: Path) -> Path:
    folder = tmp_path / "compute-service"
    (folder / "compute_service").mkdir(parents=True)
    (folder / "compute_service" / "__init__.py").touch()
    (folder / "platform.toml").write_text(MANIFEST)
    return folder


def test_added_service_gets_database_processes_and_route(service: Path, tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    options = Options(var=tmp_path / "var", port=7000, extra=(str(service),))

    rows = {row.name: row for row in plan(options).processes}

    assert list(rows)[-4:] == ["compute-migrate", "compute-web", "compute-worker", "gateway"]
    assert (rows["compute-web"].port, rows["compute-worker"].port) == (7010, 7110)
    environment = rows["compute-web"].command().env
    assert environment["PYTHONPATH"] == str(service)
    assert environment["DATABASE_URL"].rpartition("/")[2] == "compute"
    assert environment["COMPUTE_URL"] == "http://127.0.0.1:7010"
    gateway = rows["gateway"].command().env
    table = tomllib.loads(Path(gateway["GATEWAY_ROUTES"]).read_text())["services"]
    assert {"users", "orders", "compute"} < set(table)
    assert table["compute"]["rules"][0]["limits"] == ["60/minute per user"]
    assert Options.from_json(options.as_json()) == options
    assert parse_scale(("compute=2",), options.services) == {"compute": 2}


def test_route_goes_behind_those_of_the_table_that_is_configured(
    service: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[services.users]\nprefix = "/api/users"\nupstream = "USERS_URL"\n')
    monkeypatch.setenv("GATEWAY_ROUTES", str(own))
    (tmp_path / "var").mkdir()
    options = Options(var=tmp_path / "var", extra=(str(service),))

    gateway = plan(options).processes[-1].command().env

    table = tomllib.loads(Path(gateway["GATEWAY_ROUTES"]).read_text())["services"]
    assert list(table) == ["users", "compute"]
    assert "compute" not in own.read_text()


def test_without_added_services_the_gateway_chooses_its_table_itself(tmp_path: Path) -> None:
    gateway = plan(Options(var=tmp_path)).processes[-1].command().env

    assert "GATEWAY_ROUTES" not in gateway


def test_external_stores_need_a_database_of_the_added_service(service: Path) -> None:
    options = Options(var=service, extra=(str(service),))
    with pytest.raises(PlatformError, match="COMPUTE_DATABASE_URL"):
        require_external({}, options.services)


@pytest.mark.parametrize(
    ("wrong", "right", "problem"),
    [
        ('name = "compute"', 'name = "orders"', "not one of the platform's"),
        ('name = "compute"', 'name = "Compute"', "lower-case letters"),
        ('package = "compute_service"', 'package = "nothing"', "importable from this folder"),
        ('package = "compute_service"', 'package = "../x"', "importable from this folder"),
        ("port = 5010", "port = 5001", "port must be one of 50.. to 5099"),
        ("port = 5010", 'port = "5010"', "port must be one of 50.. to 5099"),
        ("port = 5010", "", "must have name, package and port"),
        ("services.compute]", "services.other]", r"\[services.compute\]"),
        ("[service]", "[service", "platform.toml|at line 2"),
    ],
)
def test_wrong_manifest_is_refused(service: Path, wrong: str, right: str, problem: str) -> None:
    (service / "platform.toml").write_text(MANIFEST.replace(wrong, right))
    with pytest.raises(PlatformError, match=problem):
        read_added([str(service)])


def test_folder_without_manifest_and_service_added_twice_are_refused(
    service: Path, tmp_path: Path
) -> None:
    with pytest.raises(PlatformError, match="No such file"):
        read_added([str(tmp_path)])
    with pytest.raises(PlatformError, match="same name or port"):
        read_added([str(service), str(service)])
