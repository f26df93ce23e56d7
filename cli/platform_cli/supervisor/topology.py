"""Which processes make up the platform: read it like a compose file."""

import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from platform_cli.child import Command
from platform_cli.folders import ROOT
from platform_cli.manifest import WORKER_OFFSET, own_services
from platform_cli.ports import free_port
from platform_cli.supervisor.added import compose_routes
from platform_cli.supervisor.options import Options
from platform_cli.supervisor.probes import answers_http, first
from platform_cli.supervisor.process import Process, Stage
from platform_cli.supervisor.stores import Stores

PACKAGED_ROUTES = ROOT / "api-gateway" / "api_gateway" / "routes.toml"
# The gateway's route table before those of added services were put behind it.
BASE_ROUTES = "PLATFORM_BASE_ROUTES"
ADMIN_EMAIL = "admin@example.com"
# Services end within this many seconds of SIGTERM: they finish the requests and tasks in hand.
STOP_TIMEOUT = 35.0


def packages_of(options: Options) -> dict[str, str]:
    """Return the package of each service by its name, those of `--with` last."""
    return {one.name: one.package for one in (*own_services(), *options.added)}


@dataclass(frozen=True)
class Replica:
    """One web and one worker of a service."""

    suffix: str
    web_port: int
    worker_port: int


def replicas(options: Options, service: str) -> list[Replica]:
    """Return the fixed first replica and those that --scale adds on free ports."""
    offsets = {one.name: one.offset for one in (*own_services(), *options.added)}
    port = options.port + offsets[service]
    first = Replica("", port, port + WORKER_OFFSET)
    extra = range(2, options.scale.get(service, 1) + 1)
    return [first, *(Replica(f"-{number}", free_port(), free_port()) for number in extra)]


@dataclass(frozen=True)
class Topology:
    """All rows, and the environments in which commands of a service can be run by hand."""

    processes: tuple[Process, ...]
    environments: Mapping[str, Mapping[str, str]]

    def until_migrated(self) -> tuple[Process, ...]:
        """Return the stores and migrations only."""
        return tuple(row for row in self.processes if row.stage <= Stage.MIGRATION)


def build(
    options: Options,
    stores: Stores,
    secrets: Mapping[str, str],
    environment: Mapping[str, str],
    packages: Mapping[str, str] | None = None,
) -> Topology:
    """Return the processes in the order in which people want to read them."""
    packages = packages_of(options) if packages is None else packages
    scaled = {name: replicas(options, name) for name in packages}
    urls = {name: [f"http://127.0.0.1:{one.web_port}" for one in scaled[name]] for name in scaled}
    common = {
        # Where messages send customers, unless the platform is reached by another name.
        "PUBLIC_URL": options.gateway,
        **_common(stores, secrets, environment),
        **_addresses(urls),
    }
    rows = list(stores.processes)
    environments = {}
    for name, package in packages.items():
        env = {**common, **_path(options, name), "DATABASE_URL": stores.databases[name]}
        environments[name] = env
        rows.append(_migration(name, package, env, stores))
        for replica in scaled[name]:
            env = {**env, "WORKER_PORT": str(replica.worker_port), "PORT": str(replica.web_port)}
            rows.append(_web(name, package, env, replica))
            rows.append(_worker(name, package, env, replica))
    # Only the gateway spreads its calls over replicas.
    lists = {f"{name.upper()}_URL": ",".join(addresses) for name, addresses in urls.items()}
    rows.append(_gateway(options, {**common, **lists, **_routes(options, common)}, stores))
    return Topology(tuple(rows), environments)


def _addresses(urls: Mapping[str, list[str]]) -> dict[str, str]:
    first = {f"{name.upper()}_URL": addresses[0] for name, addresses in urls.items()}
    return {**first, "JWKS_URL": f"{first['USERS_URL']}/.well-known/jwks.json"}


def _path(options: Options, service: str) -> dict[str, str]:
    """Return where Python finds a service that is not one of ours; those are on .venv's path."""
    folders = [str(one.folder) for one in options.added if one.name == service]
    return {"PYTHONPATH": folders[0]} if folders else {}


def _routes(options: Options, environment: Mapping[str, str]) -> dict[str, str]:
    """Return which route table the gateway reads, if not the one it would choose itself."""
    if not options.added:
        return {}
    table = Path(environment.get("GATEWAY_ROUTES") or PACKAGED_ROUTES)
    target = options.folders.run / "routes.toml"
    compose_routes(table, options.added, target)
    # `reload` composes anew from the table that people change.
    return {"GATEWAY_ROUTES": str(target), BASE_ROUTES: str(table)}


def _common(
    stores: Stores, secrets: Mapping[str, str], environment: Mapping[str, str]
) -> dict[str, str]:
    chosen = {
        "PLATFORM_ENV": "development",
        "LOG_FORMAT": "json",
        "ADMIN_EMAIL": ADMIN_EMAIL,
        **{
            name: secrets[name]
            for name in ("SECRET_KEY", "ADMIN_PASSWORD", "SANDBOX_WEBHOOK_SECRET")
        },
        # Threads otherwise get arenas of their own, which costs some 20 MB a process.
        "MALLOC_ARENA_MAX": "2",
        # Large blocks, such as the 19 MB of a password hash, go back to the system at once.
        "MALLOC_MMAP_THRESHOLD_": "4194304",
        "MALLOC_TRIM_THRESHOLD_": "4194304",
    }
    fixed = {
        "PYTHONUNBUFFERED": "1",
        "HOST": "127.0.0.1",
        "REDIS_URL": stores.redis,
        "BROKER_URL": stores.broker,
    }
    # What the user set wins over what we choose, but not over where the processes really are.
    return {**chosen, **environment, **fixed}


def _python(package: str, *arguments: str, env: Mapping[str, str]) -> Command:
    return Command(
        argv=(sys.executable, "-P", "-m", package, *arguments),
        env=env,
        cwd=Path(ROOT),
        # Not SIGTERM: when the supervisor was killed the stores end at the same time, and a process
        # that waits for them could stay for long. A kill is what every service must survive anyway.
        death_signal=signal.SIGKILL,
        stop_timeout=STOP_TIMEOUT,
    )


def _migration(name: str, package: str, env: Mapping[str, str], stores: Stores) -> Process:
    return Process(
        name=f"{name}-migrate",
        stage=Stage.MIGRATION,
        command=lambda: _python(package, "migrate", env=env),
        after=stores.names,
        once=True,
    )


def _web(name: str, package: str, env: Mapping[str, str], replica: Replica) -> Process:
    return Process(
        name=f"{name}-web{replica.suffix}",
        stage=Stage.SERVICE,
        command=lambda: _python(package, "web", env=env),
        ready=answers_http(replica.web_port, "/health/ready"),
        after=(f"{name}-migrate",),
        port=replica.web_port,
    )


def _worker(name: str, package: str, env: Mapping[str, str], replica: Replica) -> Process:
    return Process(
        name=f"{name}-worker{replica.suffix}",
        stage=Stage.SERVICE,
        command=lambda: _python(package, "worker", env=env),
        ready=answers_http(replica.worker_port, "/health/ready"),
        after=(f"{name}-migrate",),
        port=replica.worker_port,
    )


def _gateway(options: Options, common: Mapping[str, str], stores: Stores) -> Process:
    env = {**common, "PORT": str(options.port), "HOST": options.host}
    return Process(
        name="gateway",
        stage=Stage.EDGE,
        command=lambda: _python("api_gateway", env=env),
        # It first has to see the services; afterwards their troubles are not its own.
        ready=first(
            answers_http(options.port, "/health"), then=answers_http(options.port, "/health/live")
        ),
        after=tuple(name for name in stores.names if name == "valkey"),
        port=options.port,
    )
