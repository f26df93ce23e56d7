"""The manifests as they are written, and as `kubectl kustomize` puts them together.

.ci/run installs kubectl and the schemas into var/ci-tools; where they are missing, what needs
them is skipped.
"""

import os
import shutil
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from platform_cli.manifest import Manifest, own_services

REPOSITORY = Path(__file__).resolve().parents[2]
MANIFESTS = REPOSITORY / "infrastructure" / "kubernetes"
TOOLS = REPOSITORY / "var" / "ci-tools"
OVERLAYS = ("dev", "production")

Document = dict[str, Any]


class Rendered:
    """All documents of an overlay."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self.documents = list(documents)

    def of(self, *kinds: str) -> dict[str, Document]:
        """Return the documents of some kinds by name."""
        return {one["metadata"]["name"]: one for one in self.documents if one["kind"] in kinds}

    def pods(self) -> dict[str, Document]:
        """Return the templates of all pods that stand here, by the name of their owner."""
        owners = self.of("Deployment", "StatefulSet", "Job")
        return {name: one["spec"]["template"] for name, one in owners.items()}

    def ours(self) -> dict[str, Document]:
        """Return those of `pods` that run an image of this repository."""
        return {name: pod for name, pod in self.pods().items() if "platform/" in image(pod)}


def container(pod: Document) -> Document:
    """Return a pod's only container."""
    (found,) = pod["spec"]["containers"]
    return dict(found)


def image(pod: Document) -> str:
    """Return the image of a pod's only container."""
    return str(container(pod)["image"])


def environment(pod: Document) -> dict[str, Any]:
    """Return what a pod's container sets itself, by name; None where the value is a reference."""
    return {one["name"]: one.get("value") for one in container(pod).get("env", [])}


@pytest.fixture(scope="session")
def services() -> tuple[Manifest, ...]:
    """The services of the platform, as their platform.toml describe them."""
    return own_services(REPOSITORY)


@pytest.fixture(scope="session")
def compose() -> dict[str, Any]:
    """The services of docker-compose.yml."""
    text = (REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)["services"]
    return found


@pytest.fixture(scope="session", params=OVERLAYS)
def rendered(request: pytest.FixtureRequest, kubectl: str) -> Rendered:
    """Each overlay in turn."""
    return render(kubectl, request.param)


@pytest.fixture(scope="session")
def production(kubectl: str) -> Rendered:
    """The overlay for production."""
    return render(kubectl, "production")


@pytest.fixture(scope="session")
def kubectl() -> str:
    """The path of kubectl."""
    found = shutil.which("kubectl", path=f"{TOOLS / 'bin'}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        pytest.skip("needs kubectl; .ci/run installs it")
    return found


@cache
def render(kubectl: str, overlay: str) -> Rendered:
    """Return what `kubectl apply -k` would send; fails with kustomize's complaint."""
    command = [kubectl, "kustomize", str(MANIFESTS / "overlays" / overlay)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    # Several times as fast as the loader in Python, which all of these files together feel.
    return Rendered(yaml.load_all(done.stdout, Loader=yaml.CSafeLoader))
