"""Backups of the embedded Postgres: all databases as they were at one moment, in one file.

A physical copy of the cluster (`pg_basebackup`), not a dump of each database: dumps are taken one
after the other, so that payments could know an order that orders do not. The copy restores as a
Postgres that was killed at that moment. The broker and Redis are not in it: what they held is sent
again from the outboxes.
"""

import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterable
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from platform_cli import child
from platform_cli.errors import PlatformError
from platform_cli.folders import Var
from platform_cli.stores.launch import StoreError
from platform_cli.stores.postgres import LOCALE, MAJOR, Postgres, find_binaries

FORMAT = 1
# The members of a backup; COPY is the folder that pg_basebackup writes.
ABOUT, SECRETS, COPY = "about.json", "secrets.json", "postgres"
TIMEOUT = 3600.0
# Below the age at which outboxes and inboxes forget, so that each event sent again is either still
# in the inbox of who consumed it, or was never consumed.
_EVENTS = "UPDATE outbox SET sent_at = NULL, attempts = 0, next_attempt_at = NULL"
_RESEND = (
    f"{_EVENTS} WHERE kind = 'event' AND sent_at > %(taken_at)s::timestamptz - interval '6 days'",
    # Tasks are idempotent; the older ones that were lost are found by their services' sweeps.
    f"{_EVENTS} WHERE kind = 'task' AND sent_at > %(taken_at)s::timestamptz - interval '1 hour'",
)
# An old backup's inboxes would otherwise be purged before the events come again.
_REMEMBER = "UPDATE inbox SET processed_at = now()"


@dataclass(frozen=True, kw_only=True)
class About:
    """What a backup says of itself. taken_at: ISO 8601, when the copy began."""

    format: int
    postgres: str
    taken_at: str


def write_backup(server: Postgres, secrets: Path, file: Path) -> About:
    """Copy a running server's databases and the secrets into a file that only its owner reads.

    Raises StoreError with the reason of pg_basebackup; the file is then as it was before.
    """
    about = About(format=FORMAT, postgres=MAJOR, taken_at=datetime.now(UTC).isoformat())
    draft = file.with_name(f"{file.name}.new")
    with tempfile.TemporaryDirectory(prefix=".backup-", dir=file.parent) as name:
        folder = Path(name)
        (folder / ABOUT).write_text(json.dumps(asdict(about)))
        # Without SECRET_KEY what services encrypted, such as signing keys, could not be read.
        shutil.copy(secrets, folder / SECRETS)
        _copy_cluster(server, folder / COPY)
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            with tarfile.open(fileobj=stream, mode="w") as archive:
                for member in (ABOUT, SECRETS, COPY):
                    archive.add(folder / member, member)
            os.fsync(stream.fileno())
        draft.replace(file)
    return about


def _copy_cluster(server: Postgres, folder: Path) -> None:
    address = ("-h", "127.0.0.1", "-p", str(server.port), "-U", "postgres", "--no-password")
    # The log is streamed beside the copy: fetched at its end, it could be recycled already.
    shape = ("-D", str(folder), "-Ft", "-z", "-X", "stream", "-c", "fast")
    _run("pg_basebackup", *address, *shape, PGPASSWORD=server.password)


def read_about(file: Path) -> About:
    """Return what a backup says of itself; raises PlatformError where this code cannot use it."""
    try:
        with tarfile.open(file) as archive:
            member = archive.extractfile(ABOUT)
            about = About(**json.loads(member.read() if member else b"{}"))
    except (OSError, tarfile.TarError, KeyError, ValueError, TypeError) as error:
        raise PlatformError(f"{file} is not a backup of a platform ({error})") from error
    if (about.format, about.postgres) != (FORMAT, MAJOR):
        raise PlatformError(
            f"{file} has format {about.format} and Postgres {about.postgres};"
            f" this version reads format {FORMAT} and Postgres {MAJOR}"
        )
    return about


def unpack(file: Path, var: Var, server: Postgres) -> None:
    """Put the secrets and the databases of a backup in their places and check every file's sum.

    Raises StoreError for a damaged copy; nothing of it then stays.
    """
    draft = server.folder / "data.new"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True, mode=0o700)
    try:
        with tempfile.TemporaryDirectory(prefix=".restore-", dir=server.folder) as name:
            folder = Path(name)
            _extract(file, folder)
            copy = folder / COPY
            _extract(copy / "base.tar.gz", draft)
            _extract(copy / "pg_wal.tar.gz", draft / "pg_wal")
            _run("pg_verifybackup", "-m", str(copy / "backup_manifest"), str(draft))
            os.chmod(folder / SECRETS, 0o600)
            (folder / SECRETS).replace(var.secrets)
        draft.rename(server.data)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _extract(file: Path, folder: Path) -> None:
    try:
        with tarfile.open(file) as archive:
            # Where Python has it: no member may leave the folder.
            if hasattr(tarfile, "data_filter"):
                archive.extraction_filter = staticmethod(tarfile.data_filter)
            archive.extractall(folder)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise StoreError(f"{file.name} of the backup is damaged ({error})") from error


def send_again(server: Postgres, databases: Iterable[str], about: About) -> int:
    """Make the relays send again what the lost broker may have held; return how many rows.

    Inboxes drop what had its effect before.
    """
    import psycopg2

    count = 0
    for database in databases:
        dsn = server.url(database).replace("postgresql+psycopg2:", "postgresql:", 1)
        # The connection's block commits; closing it is ours.
        with closing(psycopg2.connect(dsn)) as connection, connection, connection.cursor() as rows:
            rows.execute("SELECT to_regclass('outbox') IS NOT NULL")
            if not rows.fetchone()[0]:
                continue
            rows.execute(_REMEMBER)
            for statement in _RESEND:
                rows.execute(statement, asdict(about))
                count += rows.rowcount
    return count


def databases_of(server: Postgres) -> list[str]:
    """Return the services' databases on a running server."""
    import psycopg2

    dsn = server.url("postgres").replace("postgresql+psycopg2:", "postgresql:", 1)
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as rows:
        rows.execute(
            "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'"
            " ORDER BY datname"
        )
        return [name for (name,) in rows.fetchall()]


def _run(program: str, *arguments: str, **env: str) -> None:
    argv = (str(find_binaries() / program), *arguments)
    done = child.run(child.Command(argv=argv, env={**LOCALE, **env}), timeout=TIMEOUT)
    if done.returncode != 0:
        lines = done.stdout.strip().splitlines() or ["no output"]
        raise StoreError(f"{program}: {lines[-1]}")
