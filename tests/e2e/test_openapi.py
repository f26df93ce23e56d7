"""The merged document of a running platform says all of every operation, with examples."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import validate

REPOSITORY = Path(__file__).resolve().parents[2]
ROUTE = re.compile(r"^\| `(/[^`]+)` \| ([A-Z]+) \| (\S+) \|$", re.MULTILINE)
CONVERTER = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")
METHODS = ("get", "put", "post", "delete", "patch")

Operation = dict[str, Any]


@pytest.fixture(scope="module")
def document(platform: Any) -> dict[str, Any]:
    answer = requests.get(f"{platform.client.base_url}/openapi.json", timeout=10)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    assert found["x-unavailable"] == []
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, Operation]]:
    """Every operation by its name, the parameters of its path included."""
    for item in document["paths"].values():
        for method in METHODS:
            if method in item:
                own = item[method].get("parameters", [])
                parameters = [*item.get("parameters", []), *own]
                yield item[method]["operationId"], {**item[method], "parameters": parameters}


def responses(document: dict[str, Any], operation: Operation) -> dict[str, Any]:
    """The responses of an operation by status, shared ones opened."""
    shared = document["components"]["responses"]
    return {
        status: shared[one["$ref"].rpartition("/")[2]] if "$ref" in one else one
        for status, one in operation["responses"].items()
    }


def described(document: dict[str, Any], operation: Operation) -> Iterator[tuple[str, Any]]:
    """Every place of an operation that has a schema and must have an example."""
    for parameter in operation["parameters"]:
        if parameter.get("required"):
            yield f"parameter {parameter['name']}", parameter
    for kind, media in operation.get("requestBody", {}).get("content", {}).items():
        yield f"request {kind}", media
    for status, response in responses(document, operation).items():
        for kind, media in response.get("content", {}).items():
            yield f"response {status} {kind}", media


def examples(media: dict[str, Any]) -> list[Any]:
    if "example" in media:
        return [media["example"]]
    return [one["value"] for one in media.get("examples", {}).values()]


def test_it_is_valid_and_names_nothing_twice(document: dict[str, Any]) -> None:
    validate(document)
    names = [name for name, _ in operations(document)]
    assert len(names) == len(set(names)) > 60
    assert document["openapi"] == "3.1.0"
    assert document["servers"] == [{"url": "/"}]


def test_every_operation_has_a_summary_a_service_and_a_schema_for_what_it_gives(
    document: dict[str, Any],
) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    lacking = []
    for name, operation in operations(document):
        given = responses(document, operation)
        successes = {status: one for status, one in given.items() if status < "300"}
        if not operation.get("summary", "").endswith((".", "!")):
            lacking.append(f"{name}: summary")
        if operation["tags"] != [name.partition(".")[0]] or not tags.issuperset(operation["tags"]):
            lacking.append(f"{name}: tag")
        if not successes or "default" in given:
            lacking.append(f"{name}: success")
        lacking += [
            f"{name}: schema of {status}"
            for status, one in successes.items()
            if status != "204" and not all(media["schema"] for media in one["content"].values())
        ]
    assert lacking == []


def test_every_operation_has_examples_that_its_schemas_allow(document: dict[str, Any]) -> None:
    components = {"components": document["components"]}
    wrong = []
    for name, operation in operations(document):
        for place, media in described(document, operation):
            validator = Draft202012Validator(
                {**media["schema"], **components}, format_checker=FormatChecker()
            )
            found = examples(media)
            wrong += [] if found else [f"{name}: no example of {place}"]
            wrong += [
                f"{name}: {place}: {error.json_path} {error.message}"
                for example in found
                for error in validator.iter_errors(example)
            ]
    assert wrong == []


def test_every_operation_of_a_service_has_its_errors_in_the_envelope(
    document: dict[str, Any],
) -> None:
    lacking = []
    for name, operation in operations(document):
        if name.startswith("gateway."):
            continue
        given = responses(document, operation)
        wanted = {"400", "404", "429", "502", "503", "504"}
        wanted |= {"401"} if any(operation["security"]) else set()
        bodies = operation.get("requestBody", {}).get("content", {}).values()
        wanted |= {"413"} if bodies else set()
        # A provider's own format is not ours to check; what has a schema of ours is checked.
        wanted |= {"415", "422"} if any("$ref" in media["schema"] for media in bodies) else set()
        lacking += [f"{name}: {status}" for status in wanted - set(given)]
        lacking += [
            f"{name}: example of {status}"
            for status, one in given.items()
            if status >= "400"
            for code, example in one["content"]["application/json"]["examples"].items()
            if example["value"]["code"] != code or example["value"]["success"] is not False
        ]
    assert lacking == []


def test_who_may_call_is_the_same_as_in_the_table_of_routes(document: dict[str, Any]) -> None:
    table = (REPOSITORY / "docs" / "routes.md").read_text(encoding="utf-8")
    rules = {
        (CONVERTER.sub(r"{\1}", path), method.lower()): rule
        for path, method, rule in ROUTE.findall(table)
        if path.startswith(("/api/", "/.well-known/")) and not path.endswith("openapi.json")
    }
    services = {path.split("/")[2] for path, _ in rules} | {"jwks.json"}
    found = {
        (path, method): item[method]["security"]
        for path, item in document["paths"].items()
        for method in METHODS
        # Neither the gateway's own pages nor the services that a platform was given beside its own.
        if method in item and path.split("/")[2:3] and path.split("/")[2] in services
    }
    assert set(found) == set(rules)
    for route, security in found.items():
        needs_token = security == [{"bearerAuth": []}]
        assert needs_token == (rules[route] != "public"), route
        if rules[route] not in ("public", "login"):
            assert "403" in document["paths"][route[0]][route[1]]["responses"]
