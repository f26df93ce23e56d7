import errno
import json
import os
import socket
import stat
from contextlib import closing
from pathlib import Path

import pytest

from platform_cli import credentials
from platform_cli.env_file import read_env_file
from platform_cli.errors import PlatformError
from platform_cli.folders import check_space
from platform_cli.manifest import own_names
from platform_cli.supervisor.options import Options, parse_scale, require_external
from platform_cli.supervisor.start import check_ports


def test_scale_names_services_and_numbers() -> None:
    assert parse_scale(()) == {}
    assert parse_scale(("orders=2",)) == {"orders": 2}
    assert parse_scale(("orders=2,users=1", "payments=3")) == {
        "orders": 2,
        "users": 1,
        "payments": 3,
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "carts=2",
            f"--scale carts=2: no such service (one of {', '.join(own_names())})",
        ),
        ("orders", "--scale orders: a number from 1 to 16 is needed"),
        ("orders=0", "--scale orders=0: a number from 1 to 16 is needed"),
        ("orders=99", "--scale orders=99: a number from 1 to 16 is needed"),
        ("orders=two", "--scale orders=two: a number from 1 to 16 is needed"),
    ],
)
def test_a_scale_that_cannot_be_is_refused(text: str, message: str) -> None:
    with pytest.raises(PlatformError) as caught:
        parse_scale((text,))
    assert str(caught.value) == message


def test_env_files_are_read_as_shells_and_docker_write_them(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(
        "# comment\n"
        "\n"
        "PLAIN=value\n"
        "export EXPORTED = spaced \n"
        "EMPTY=\n"
        "HASH=pass#word # the rest\n"
        "URL=redis://:p=w@host:6379/0\n"
        'DOUBLE="two\\nlines \\"quoted\\"" # after\n'
        "SINGLE='as \\n is # here'\n"
    )
    assert read_env_file(file) == {
        "PLAIN": "value",
        "EXPORTED": "spaced",
        "EMPTY": "",
        "HASH": "pass#word",
        "URL": "redis://:p=w@host:6379/0",
        "DOUBLE": 'two\nlines "quoted"',
        "SINGLE": "as \\n is # here",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A=1\nno equals sign\n", "line 2: not NAME=value"),
        ("2A=1\n", "line 1: not NAME=value"),
        ('A="open\n', 'line 1: the quote " does not end'),
        ("A='closed' rest\n", "line 1: the quote ' does not end"),
    ],
)
def test_an_env_file_with_a_wrong_line_names_it(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / ".env"
    file.write_text(text)
    with pytest.raises(PlatformError) as caught:
        read_env_file(file)
    assert str(caught.value) == f"{file}, {message}"


def test_a_missing_env_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PlatformError) as caught:
        read_env_file(tmp_path / "none")
    assert str(caught.value) == f"cannot read {tmp_path / 'none'}: {os.strerror(errno.ENOENT)}"


def test_secrets_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    first = credentials.load_or_create(file)
    assert set(first) == set(credentials.secret_names())
    assert len(set(first.values())) == len(first)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert credentials.load_or_create(file) == first


def test_a_secret_of_a_newer_version_is_added_to_the_old_ones(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    file.write_text(json.dumps({"SECRET_KEY": "kept"}))
    secrets = credentials.load_or_create(file)
    assert secrets["SECRET_KEY"] == "kept"
    assert set(secrets) == set(credentials.secret_names())


def test_external_stores_need_every_address() -> None:
    given = {"USERS_DATABASE_URL": "postgresql://x", "ORDERS_DATABASE_URL": "y"}
    with pytest.raises(PlatformError) as caught:
        require_external(given, ("users", "products", "orders", "payments"))
    assert str(caught.value) == (
        "--store external needs PRODUCTS_DATABASE_URL, PAYMENTS_DATABASE_URL, REDIS_URL"
        " (environment or --env-file)"
    )


def test_a_taken_port_is_named_with_its_holder() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        with pytest.raises(PlatformError) as caught:
            check_ports({"gateway": port})
    message = str(caught.value)
    assert message.startswith(f"port {port} (for gateway) is taken")
    assert f"(pid {os.getpid()})" in message


def test_a_full_disk_is_told_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match=r"^the disk is full: \d+ MB left for .*, 10{12} MB"):
        check_space(tmp_path, needed=10**12)


def test_options_survive_the_way_to_the_daemon(tmp_path: Path) -> None:
    options = Options(var=tmp_path, port=21000, scale={"orders": 2}, broker="rabbitmq")
    assert Options.from_json(json.loads(json.dumps(options.as_json()))) == options
