"""The gateways that are compared: how each is started, all of them with the same upstream."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from platform_cli.child import Command
from platform_cli.folders import ROOT

FILES = ROOT / "benchmarks" / "gateway"
SCENARIOS = ("get", "bodies", "slow")


@dataclass(frozen=True)
class Place:
    """Where a gateway runs; folder: for its files of this run, cache: where peers are installed."""

    folder: Path
    cache: Path
    port: int
    upstream_port: int
    redis_url: str
    workers: int

    @property
    def upstream(self) -> str:
        return f"http://127.0.0.1:{self.upstream_port}"


@dataclass(frozen=True)
class Peer:
    """One row of the table; kind: what must be there to run it; start: its command."""

    name: str
    title: str
    kind: str
    start: Callable[[Place], Command]
    scenarios: tuple[str, ...] = ("get",)


def fill(template: Path, folder: Path, values: Mapping[str, object]) -> Path:
    """Write a copy of the template with its `@name@` replaced; returns its path."""
    text = template.read_text(encoding="utf-8")
    for name, value in {**values, "folder": folder}.items():
        text = text.replace(f"@{name}@", str(value))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{template.parent.name}-{template.name}"
    path.write_text(text, encoding="utf-8")
    return path


def _ours(place: Place) -> Command:
    env = {
        "PLATFORM_ENV": "production",
        "PORT": str(place.port),
        "WEB_WORKERS": str(place.workers),
        "GATEWAY_ROUTES": str(FILES / "routes.toml"),
        "PRODUCTS_URL": place.upstream,
        "JWKS_URL": f"{place.upstream}/.well-known/jwks.json",
        "REDIS_URL": place.redis_url,
        "LOG_LEVEL": "INFO",
        "LOG_FORMAT": "json",
        "MALLOC_ARENA_MAX": "2",  # As in the container's image.
    }
    return _command(place, sys.executable, "-P", "-m", "api_gateway", env=env)


def _command(place: Place, *argv: str, cwd: Path = ROOT, env: dict[str, str]) -> Command:
    peer = {"PORT": str(place.port), "UPSTREAM": place.upstream, "WORKERS": str(place.workers)}
    return Command(argv=argv, env={**peer, **env}, cwd=cwd, stop_timeout=5)


def _nginx(place: Place) -> Command:
    config = _filled("nginx.conf", place)
    argv = ("nginx", "-p", str(place.folder), "-e", "stderr", "-c", str(config))
    return _command(place, *argv, env={})


def _haproxy(place: Place) -> Command:
    return _command(place, "haproxy", "-db", "-f", str(_filled("haproxy.cfg", place)), env={})


def _filled(name: str, place: Place) -> Path:
    return fill(FILES / "peers" / name, place.folder, vars(place))


def _node(script: str) -> Callable[[Place], Command]:
    def start(place: Place) -> Command:
        # Modules are found from the script's own folder, so that it is a copy beside them.
        folder = place.cache / "node"
        return _command(place, "node", script, cwd=folder, env={"NODE_ENV": "production"})

    return start


def _gunicorn(application: str, *options: str) -> Callable[[Place], Command]:
    def start(place: Place) -> Command:
        argv = (
            *(str(place.cache / "python" / "bin" / "gunicorn"), application, *options),
            *("-b", f"127.0.0.1:{place.port}", "-w", str(place.workers)),
            *("--no-control-socket", "--log-level", "warning", "--keep-alive", "75"),
        )
        return _command(place, *argv, cwd=FILES / "peers", env={})

    return start


def _uvicorn(place: Place) -> Command:
    argv = (
        *(str(place.cache / "python" / "bin" / "uvicorn"), "fastapi_httpx:app"),
        *("--port", str(place.port), "--workers", str(place.workers)),
        *("--no-access-log", "--log-level", "warning", "--timeout-keep-alive", "75"),
    )
    return _command(place, *argv, cwd=FILES / "peers", env={})


_UVLOOP = ("-k", "aiohttp.GunicornUVLoopWebWorker")
PEERS = (
    Peer("ours", "**this gateway**, all policies on", "ours", _ours, SCENARIOS),
    Peer("nginx", "nginx", "nginx", _nginx, SCENARIOS),
    Peer("haproxy", "HAProxy", "haproxy", _haproxy),
    Peer("fastify", "fastify + http-proxy", "node", _node("fastify.mjs"), SCENARIOS),
    Peer("aiohttp", "aiohttp, uvloop", "python", _gunicorn("aiohttp_proxy:create_app", *_UVLOOP)),
    Peer("express", "express + http-proxy-middleware", "node", _node("express.mjs"), SCENARIOS),
    Peer(
        "flask-session",
        "Flask + requests.Session, gunicorn gthread",
        "python",
        _gunicorn("flask_session:app", "-k", "gthread", "--threads", "32"),
    ),
    Peer(
        "flask",
        "plain Flask + requests, gunicorn sync",
        "python",
        _gunicorn("flask_plain:app", "-k", "sync"),
    ),
    Peer("fastapi", "FastAPI + httpx, uvicorn", "python", _uvicorn),
)
