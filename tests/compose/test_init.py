"""`./platform init` makes what docker-compose.yml asks for, once, and keeps it."""

import re
import ssl
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography import x509

from platform_cli.__main__ import cli
from platform_cli.env_file import read_env_file


def init(file: Path) -> Result:
    return CliRunner().invoke(cli, ["init", "--file", str(file)])


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    file = tmp_path / ".env"
    assert init(file).exit_code == 0
    return file


def test_there_is_a_file_for_every_secret_of_docker_compose_yml(
    env_file: Path, compose_file: dict[str, Any]
) -> None:
    written = {path.name for path in (env_file.parent / "secrets").iterdir()}

    assert written == set(compose_file["secrets"])


def test_generated_secrets_are_long_different_and_for_their_owner(env_file: Path) -> None:
    values = read_env_file(env_file)
    folder = Path(values.pop("SECRETS_FOLDER"))

    assert len(values) >= 11
    assert all(re.fullmatch(r"[0-9a-f]{48}", value) for value in values.values())
    assert len(set(values.values())) == len(values)
    assert env_file.stat().st_mode & 0o777 == 0o600
    # The users inside the containers read the files; outside nobody gets past the folder.
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o444}


def test_addresses_hold_the_password_of_their_store(env_file: Path) -> None:
    values = read_env_file(env_file)
    folder = env_file.parent / "secrets"
    password = values["ORDERS_DATABASE_PASSWORD"]
    expected = f"postgresql+psycopg2://orders:{password}@orders-db:5432/orders"

    assert (folder / "orders_database_url").read_text() == expected
    assert (folder / "orders_database_password").read_text() == password
    assert (folder / "redis.conf").read_text() == f"requirepass {values['REDIS_PASSWORD']}\n"


def test_a_second_run_changes_nothing(env_file: Path) -> None:
    files = [env_file, *(env_file.parent / "secrets").iterdir()]
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in files}

    again = init(env_file)

    assert (again.exit_code, again.output.split()[0]) == (0, "completed")
    assert {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in files} == before


def test_what_an_older_version_did_not_need_is_added_and_the_rest_kept(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("SECRET_KEY=precious # with a comment\nREDIS_PASSWORD=\nLOG_LEVEL=DEBUG")

    assert init(file).exit_code == 0

    values = read_env_file(file)
    assert values["SECRET_KEY"] == "precious"
    assert values["LOG_LEVEL"] == "DEBUG"
    assert len(values["REDIS_PASSWORD"]) == 48
    assert (tmp_path / "secrets" / "secret_key").read_text() == "precious"


def test_a_password_that_would_not_fit_into_a_url_is_refused_and_no_file_is_made(
    tmp_path: Path,
) -> None:
    file = tmp_path / ".env"
    file.write_text("ORDERS_DATABASE_PASSWORD=p@ss:word/\n")

    refused = init(file)

    assert refused.exit_code == 1
    assert "ORDERS_DATABASE_PASSWORD" in str(refused.exception)
    assert "p@ss" not in str(refused.exception)
    assert list((tmp_path / "secrets").iterdir()) == []


def test_the_certificate_fits_its_key_and_the_local_names(env_file: Path) -> None:
    folder = env_file.parent / "secrets"
    certificate = x509.load_pem_x509_certificate((folder / "tls.crt").read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    # Raises where they do not belong together.
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(folder / "tls.crt", folder / "tls.key")

    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]


def test_a_certificate_that_somebody_put_there_stays(env_file: Path) -> None:
    folder = env_file.parent / "secrets"
    (folder / "tls.crt").unlink()
    (folder / "tls.crt").write_text("of an authority")

    assert init(env_file).exit_code == 0

    assert (folder / "tls.crt").read_text() == "of an authority"


def test_the_example_names_every_setting_that_docker_compose_yml_reads(repository: Path) -> None:
    compose = (repository / "docker-compose.yml").read_text(encoding="utf-8")
    example = (repository / ".env.example").read_text(encoding="utf-8")

    used = set(re.findall(r"\$\{([A-Z_]+)", compose))

    assert set(re.findall(r"^#? ?([A-Z_]+)=", example, re.MULTILINE)) >= used
    assert not re.search(r"[0-9a-f]{32}", example)
