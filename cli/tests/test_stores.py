import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pika
import psutil
import psycopg2
import pytest
import redis

from platform_cli import child
from platform_cli.ports import free_port
from platform_cli.stores import postgres, rabbitmq, valkey
from platform_cli.stores.launch import StoreError, started


def dsn(url: str) -> str:
    return url.replace("postgresql+psycopg2:", "postgresql:", 1)


def test_a_service_reaches_its_own_database_and_no_other(folder: Path) -> None:
    with postgres.running(folder) as server:
        orders = server.create_database("orders")
        users = server.create_database("users")

        with closing(psycopg2.connect(dsn(orders))) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT current_user, current_database()")
            assert cursor.fetchone() == ("orders", "orders")
            cursor.execute("CREATE TABLE items (id int)")
        for forbidden in ("users", "postgres", "template1"):
            other = urlsplit(dsn(orders))._replace(path=f"/{forbidden}").geturl()
            with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
                psycopg2.connect(other)
        psycopg2.connect(dsn(users)).close()


def test_a_database_made_again_keeps_its_rows_and_takes_the_new_password(folder: Path) -> None:
    with postgres.running(folder) as server:
        before = server.create_database("orders", "first")
        with closing(psycopg2.connect(dsn(before))) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE items AS SELECT 7 AS id")
            connection.commit()

        after = server.create_database("orders", "second")

        with closing(psycopg2.connect(dsn(after))) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT id FROM items")
            assert cursor.fetchall() == [(7,)]
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            psycopg2.connect(dsn(before))


def test_rows_survive_kill_9_of_postgres(folder: Path) -> None:
    server = postgres.Postgres(folder, free_port(), "secret")
    server.prepare()
    for attempt in ("write", "read"):
        with started(server.command(), server.ready, folder / "log") as process:
            url = dsn(server.create_database("orders", "pw"))
            with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
                if attempt == "write":
                    cursor.execute("CREATE TABLE items AS SELECT 7 AS id")
                    connection.commit()
                    process.send_signal(signal.SIGKILL)
                    process.wait(10)
                else:
                    cursor.execute("SELECT id FROM items")
                    assert cursor.fetchall() == [(7,)]


def test_valkey_answers_no_write_before_it_is_on_the_disk(folder: Path) -> None:
    # `everysec` loses answered writes to kill -9 wherever an fsync is slow (ADR 13).
    with valkey.running(folder) as url, closing(redis.Redis.from_url(url)) as client:
        found = client.config_get("append*")
    assert (found["appendonly"], found["appendfsync"]) == ("yes", "always")


def test_valkey_answers_only_with_the_password_and_keeps_its_data(folder: Path) -> None:
    with valkey.running(folder) as url, closing(redis.Redis.from_url(url)) as client:
        client.set("key", "value")
        stranger = redis.Redis(port=urlsplit(url).port or 0)
        with closing(stranger), pytest.raises(redis.AuthenticationError):
            stranger.get("key")
    with valkey.running(folder) as url, closing(redis.Redis.from_url(url)) as client:
        assert client.get("key") == b"value"


@pytest.mark.skipif(not rabbitmq.available(), reason=rabbitmq.MISSING)
def test_rabbitmq_takes_a_quorum_queue_and_leaves_no_process(folder: Path) -> None:
    with rabbitmq.running(folder) as url:
        connection = pika.BlockingConnection(pika.URLParameters(url))
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare("events", durable=True, arguments={"x-queue-type": "quorum"})
        channel.basic_publish("", "events", b"body", mandatory=True)
        assert channel.basic_get("events", auto_ack=True)[2] == b"body"
        connection.close()
    assert processes_of(folder) == []


def processes_of(folder: Path) -> list[str]:
    """Return the command lines of the processes that name the folder."""
    lines = [" ".join(one.info["cmdline"] or ()) for one in psutil.process_iter(["cmdline"])]
    return [line for line in lines if str(folder) in line]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can try how root starts the stores")
@pytest.mark.parametrize("namespaces", ["yes", "no"])
@pytest.mark.parametrize("option", [[], ["as-nobody-by-uid"]], ids=["root", "ordinary user"])
def test_the_stores_start_as(option: list[str], namespaces: str, folder: Path) -> None:
    script = (
        "import sys, pathlib\n"
        "from platform_cli.stores import postgres, valkey\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "with postgres.running(folder / 'p') as server, valkey.running(folder / 'v'):\n"
        "    server.create_database('orders')\n"
        "print('done')\n"
    )
    parent = [sys.executable, str(child.CHILD_EXEC), "9", str(os.getpid()), *option, "--"]
    result = subprocess.run(
        [*parent, sys.executable, "-c", script, str(folder)],
        env={**os.environ, "PLATFORM_USER_NAMESPACES": namespaces},
        capture_output=True,
        text=True,
    )
    assert (result.stdout, result.stderr, result.returncode) == ("done\n", "", 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes between the two ways")
def test_data_of_one_way_of_root_opens_in_the_other(folder: Path) -> None:
    script = (
        "import sys, pathlib\n"
        "from platform_cli.ports import free_port\n"
        "from platform_cli.stores import launch, postgres\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "server = postgres.Postgres(folder, free_port(), 'secret')\n"
        "server.prepare()\n"
        "with launch.started(server.command(), server.ready, folder / 'log'):\n"
        "    server.create_database('orders')\n"
    )
    for namespaces in ("yes", "no", "yes"):
        subprocess.run(
            [sys.executable, "-c", script, str(folder)],
            env={**os.environ, "PLATFORM_USER_NAMESPACES": namespaces},
            check=True,
        )


def test_a_damaged_cluster_says_why_it_does_not_start(folder: Path) -> None:
    server = postgres.Postgres(folder, free_port(), "secret")
    server.prepare()
    (server.data / "global" / "pg_control").write_bytes(b"damaged")
    start = started(server.command(), server.ready, folder / "log")
    with pytest.raises(StoreError, match=r"postgres ended: .*(pg_control|control file)"), start:
        pytest.fail("it started")
