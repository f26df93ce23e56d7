"""The stores as rows of the topology, and the addresses under which the services reach them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from platform_cli.errors import PlatformError
from platform_cli.folders import Var
from platform_cli.ports import free_port, is_free
from platform_cli.stores.launch import StoreError
from platform_cli.stores.postgres import Postgres
from platform_cli.stores.rabbitmq import RabbitMQ
from platform_cli.stores.valkey import Valkey
from platform_cli.supervisor.options import Options, require_external
from platform_cli.supervisor.process import Process, Stage

DAMAGED = "if its data is damaged, ./platform reset starts anew without it"


@dataclass(frozen=True)
class Stores:
    """processes: rows to supervise. ready_names: what services wait for."""

    processes: tuple[Process, ...]
    databases: Mapping[str, str]
    redis: str
    broker: str

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(process.name for process in self.processes)


def remembered_ports(var: Var, names: tuple[str, ...], *, keep: bool = False) -> dict[str, int]:
    """Return a free port for each name, the same as at the last start where it is still free.

    keep: return the last ones as they are, to talk to stores that run.
    """
    try:
        last: dict[str, int] = json.loads(var.ports.read_text())
    except (FileNotFoundError, ValueError):
        last = {}
    ports: dict[str, int] = {}
    for name in names:
        port = last.get(name, 0)
        while not port or port in ports.values() or not (keep or is_free(port)):
            port = free_port()
        ports[name] = port
    var.ports.write_text(json.dumps({**last, **ports}))
    return ports


def build_stores(
    options: Options, secrets: Mapping[str, str], environment: Mapping[str, str], *, running: bool
) -> Stores:
    """Return the stores that the options ask for; `running`: they run already, keep their ports."""
    var = options.folders
    names = ("postgres", "valkey", "rabbitmq", "rabbitmq-distribution", "rabbitmq-ports")
    ports = remembered_ports(var, names, keep=running)
    rows: list[Process] = []
    broker = options.broker if "://" in options.broker else ""
    if options.broker == "rabbitmq":
        rabbitmq = RabbitMQ(
            var.data / "rabbitmq",
            ports["rabbitmq"],
            ports["rabbitmq-distribution"],
            ports["rabbitmq-ports"],
            secrets["RABBITMQ_PASSWORD"],
        )
        rows += rabbitmq_rows(rabbitmq)
        broker = rabbitmq.url
    if options.store == "external":
        require_external(environment, options.services)
        urls = {name: environment[f"{name.upper()}_DATABASE_URL"] for name in options.services}
        redis = environment["REDIS_URL"]
        return Stores(tuple(rows), urls, redis, broker or environment.get("BROKER_URL", redis))
    valkey = Valkey(var.data / "valkey", ports["valkey"], secrets["REDIS_PASSWORD"])
    postgres = Postgres(var.data / "postgres", ports["postgres"], secrets["POSTGRES_PASSWORD"])
    passwords = {name: secrets[f"{name.upper()}_DATABASE_PASSWORD"] for name in options.services}
    rows += [valkey_row(valkey), postgres_row(postgres, passwords)]
    urls = {name: postgres.url(name, name, password) for name, password in passwords.items()}
    return Stores(tuple(rows), urls, valkey.url, broker or valkey.url)


def postgres_row(server: Postgres, passwords: Mapping[str, str]) -> Process:
    """Return Postgres; when it answers, each service gets its role and database.

    passwords: by service.
    """

    def create_databases() -> None:
        import psycopg2

        try:
            for name, password in passwords.items():
                server.create_database(name, password)
        except psycopg2.Error as error:
            raise StoreError(f"Postgres: {str(error).strip().splitlines()[0]}") from error

    return Process(
        name="postgres",
        stage=Stage.STORE,
        command=server.command,
        ready=server.ready,
        port=server.port,
        hint=DAMAGED,
        prepare=server.prepare,
        when_ready=create_databases,
    )


def valkey_row(server: Valkey) -> Process:
    """Return Valkey."""
    return Process(
        name="valkey",
        stage=Stage.STORE,
        command=server.command,
        ready=server.ready,
        port=server.port,
        hint=DAMAGED,
        prepare=server.prepare,
    )


def rabbitmq_rows(server: RabbitMQ) -> list[Process]:
    """Return the port mapper and the node; raises PlatformError if RabbitMQ is not installed."""
    try:
        server.prepare()
    except StoreError as error:
        raise PlatformError(f"--broker rabbitmq: {error}") from error
    return [
        Process(
            name="epmd",
            stage=Stage.PORT_MAPPER,
            command=server.port_mapper,
            ready=server.port_mapper_ready,
            port=server.epmd_port,
        ),
        Process(
            name="rabbitmq",
            stage=Stage.STORE,
            command=server.command,
            ready=server.ready,
            port=server.port,
            hint=DAMAGED,
            after=("epmd",),
        ),
    ]
