"""The files that name every service, and what each of them gets for a new one.

Most of the repository finds services by their folders: the command line, pytest, mypy, ruff, the
images and the fitness tests. One more file that does not is one more line in `steps`.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from platform_cli.errors import PlatformError
from platform_cli.manifest import Manifest
from platform_cli.scaffold import outline
from platform_cli.scaffold.changes import read
from platform_cli.scaffold.outline import Names
from platform_cli.scaffold.request import Request

# Copied where a file has to say the same of every service: it needs nothing that others do not.
MODEL = "orders"


@dataclass(frozen=True)
class Step:
    """One file's share. insert, remove: from its text to what it becomes; remove undoes insert.

    The text of a file that is not there is empty.
    """

    path: str
    insert: Callable[[str], str]
    remove: Callable[[str], str]


def steps(root: Path, request: Request, own: tuple[Manifest, ...]) -> list[Step]:
    """Return the steps for a service. own: the others, in the order of their ports."""
    return [
        _gateway(request),
        _layers(request, own),
        _routes_document(request),
        *(_table(file.name, request) for file in sorted(root.glob("README*.md"))),
        *_infrastructure(root, request, own),
    ]


def _infrastructure(root: Path, request: Request, own: tuple[Manifest, ...]) -> Iterator[Step]:
    """Copy what YAML files say of the model service, and whole those that are named after it."""
    services = [Names.of(one) for one in own]
    model = next(one for one in services if one.name == MODEL)
    new = Names(request.name, request.folder, request.package, request.port)
    for file in (root / "docker-compose.yml", *sorted((root / "infrastructure").rglob("*.y*ml"))):
        path = file.relative_to(root).as_posix()
        about = [one for one in (*services, new) if outline.mentions(file.name, one)]
        if not about:
            yield _shared_yaml(path, model, services[-1], new)
        elif model in about:
            yield _own_yaml(outline.exchange(path, model, new), read(file), model, new)


def _gateway(request: Request) -> Step:
    """Append the service's entry to the gateway's route table."""
    entry = f"""
[services.{request.name}]
prefix = "/api/{request.name}"
upstream = "{request.name.upper()}_URL"
default = "http://127.0.0.1:{request.port}"
# The shop sells without it.
critical = false
limits = ["6000/minute per user", "60000/minute per address"]
public = ["GET /api/{request.name}/openapi.json"]
"""
    path = "api-gateway/api_gateway/routes.toml"
    return Step(path, lambda text: text + entry, lambda text: text.replace(entry, ""))


def _layers(request: Request, own: tuple[Manifest, ...]) -> Step:
    """Name the package where import-linter wants a list: it takes no patterns there."""
    last = own[-1].package
    beside, below = f" | {request.package}", f'    "{request.package}",\n'

    def insert(text: str) -> str:
        text = re.sub(r'^(    "api_gateway \| .*)(",)$', rf"\1{beside}\2", text, flags=re.MULTILINE)
        return re.sub(rf'^    .*"{last}",\n', rf"\g<0>{below}", text, flags=re.MULTILINE)

    return Step("pyproject.toml", insert, lambda text: text.replace(beside, "").replace(below, ""))


def _routes_document(request: Request) -> Step:
    """Put the service's table into docs/routes.md, whose order is that of the packages."""
    one = f"{request.path}/<uuid:{request.resource}_id>"
    rows = [
        *((request.path, method, "login") for method in ("GET", "POST")),
        *((one, method, "login") for method in ("DELETE", "GET", "PATCH")),
        (f"/api/{request.name}/openapi.json", "GET", "public"),
        *((path, "GET", "public") for path in ("/health", "/health/live", "/health/ready")),
        ("/metrics", "GET", "public"),
    ]
    table = "".join(f"| `{path}` | {method} | {rule} |\n" for path, method, rule in sorted(rows))
    section = f"## {request.folder}\n\n| path | method | rule |\n| --- | --- | --- |\n{table}"

    def insert(text: str) -> str:
        head, *sections = re.split(r"\n(?=## )", text.rstrip("\n"))
        sections = sorted([*sections, section], key=lambda one: one.split("\n")[0])
        return "\n\n".join(one.strip("\n") for one in (head, *sections)) + "\n"

    def remove(text: str) -> str:
        parts = re.split(r"\n(?=## )", text.rstrip("\n"))
        kept = [part for part in parts if not part.startswith(f"## {request.folder}\n")]
        return "\n\n".join(part.strip("\n") for part in kept) + "\n"

    return Step("docs/routes.md", insert, remove)


def _table(path: str, request: Request) -> Step:
    """Add the service to a README's table of services."""
    folder, package = request.folder, request.package
    owns = request.resources.replace("_", " ")
    row = (
        f"| [{folder}]({folder}/README.md) | {request.port} | {owns} |"
        f" [{package}/]({folder}/{package}) |\n"
    )

    def insert(text: str) -> str:
        rows = list(re.finditer(r"^\| \[[a-z0-9]+-service\]\(.*\n", text, flags=re.MULTILINE))
        if not rows:
            raise PlatformError(f"{path} has no table of services")
        return text[: rows[-1].end()] + row + text[rows[-1].end() :]

    return Step(path, insert, lambda text: text.replace(row, ""))


def _shared_yaml(path: str, model: Names, last: Names, new: Names) -> Step:
    return Step(
        path,
        lambda text: outline.copy_service(text, model, last, new),
        lambda text: outline.drop_service(text, new),
    )


def _own_yaml(path: str, of_model: str, model: Names, new: Names) -> Step:
    return Step(path, lambda text: text + outline.exchange(of_model, model, new), lambda text: "")
