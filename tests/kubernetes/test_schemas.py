"""Every document is what Kubernetes' own schemas, and those of the operators, allow."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from .conftest import TOOLS, Document, Rendered

VERSION = "v1.34.0-local-strict"
SHAPES = yaml.safe_load(Path(__file__).with_name("custom_resources.yaml").read_text("utf-8"))
TYPES: dict[str, type | tuple[type, ...]] = {"text": str, "whole": int, "truth": bool}


class Schemas:
    """Kubernetes' schemas, in which an unknown field is an error. folder: where they lie."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        definitions = Resource(contents=self._read("_definitions.json"), specification=DRAFT7)
        self._registry = Registry().with_resource("/api/_definitions.json", definitions)
        self._known: dict[str, Draft7Validator] = {}

    def errors(self, document: Document) -> list[str]:
        """Return what is wrong; raises OSError where Kubernetes has no such kind."""
        group, _, version = document["apiVersion"].rpartition("/")
        parts = (document["kind"].lower(), group.split(".")[0], version)
        name = "-".join(part for part in parts if part) + ".json"
        if name not in self._known:
            self._known[name] = Draft7Validator(self._read(name), registry=self._registry)
        found = self._known[name].iter_errors(document)
        return [f"{one.json_path}: {one.message[:300]}" for one in found]

    def _read(self, name: str) -> Any:
        return json.loads((self._folder / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def schemas() -> Schemas:
    found = list(TOOLS.glob(f"lib/python*/site-packages/kubernetes_validate/*/{VERSION}"))
    if not found:
        pytest.skip("needs Kubernetes' schemas; .ci/run installs them")
    return Schemas(found[0])


def custom(document: Document) -> str:
    return f"{document['apiVersion']} {document['kind']}"


def test_documents_of_kubernetes_are_valid(rendered: Rendered, schemas: Schemas) -> None:
    checked = 0
    for document in rendered.documents:
        if custom(document) not in SHAPES:
            assert schemas.errors(document) == [], document["metadata"]["name"]
            checked += 1
    assert checked > 60


def test_the_schemas_find_wrong_types_and_unknown_fields(
    production: Rendered, schemas: Schemas
) -> None:
    document = copy.deepcopy(production.of("Deployment")["order-service"])
    document["spec"]["minReadySeconds"] = "5"
    document["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}

    found = schemas.errors(document)

    assert [error.split(":")[0] for error in found] == [
        "$.spec.minReadySeconds",
        "$.spec.template.spec.containers[0]",
    ]


def test_documents_for_operators_have_only_fields_that_exist(rendered: Rendered) -> None:
    for document in rendered.documents:
        if custom(document) in SHAPES:
            found = list(problems(document["spec"], SHAPES[custom(document)], "spec"))
            assert found == [], document["metadata"]["name"]


def test_unknown_fields_and_wrong_types_of_operators_are_found() -> None:
    shape = SHAPES["postgresql.cnpg.io/v1 Pooler"]
    document = {"instances": "2", "type": "write", "pgbouncer": {"poolmode": "session"}}

    assert list(problems(document, shape, "spec")) == [
        "spec.instances is no whole",
        "spec.type is no rw|ro|r",
        "spec.pgbouncer.poolmode is unknown",
    ]


def problems(value: Any, shape: Any, path: str) -> Iterator[str]:
    """Yield where a value is not of a shape of custom_resources.yaml."""
    if isinstance(shape, dict):
        for key, inner in value.items():
            if key not in shape:
                yield f"{path}.{key} is unknown"
            else:
                yield from problems(inner, shape[key], f"{path}.{key}")
    elif isinstance(shape, list):
        for number, inner in enumerate(value):
            yield from problems(inner, shape[0], f"{path}[{number}]")
    elif not _is(value, shape):
        yield f"{path} is no {shape}"


def _is(value: Any, shape: str) -> bool:
    if shape == "anything":
        return True
    if shape == "texts":
        return all(isinstance(one, str) for one in value.values())
    if shape in TYPES:
        return isinstance(value, TYPES[shape]) and (shape != "whole" or value is not True)
    return value in shape.split("|")
