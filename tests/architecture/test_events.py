"""Every event has a producer, a schema, and a consumer or a word about why there is none."""

import importlib
import json
from pathlib import Path
from types import ModuleType

import jsonschema


def _events(packages: list[str]) -> dict[str, ModuleType]:
    return {package: importlib.import_module(f"{package}.events") for package in packages}


def test_every_published_event_is_consumed_or_declared_unconsumed(packages: list[str]) -> None:
    modules = _events(packages)
    consumed = {event for module in modules.values() for event in module.CONSUMES}
    published = {event for module in modules.values() for event in module.PUBLISHES}
    unconsumed = {event for module in modules.values() for event in module.UNCONSUMED}

    assert published - consumed == unconsumed
    assert consumed - published == set()


def test_every_event_has_one_producer(packages: list[str]) -> None:
    producers: dict[str, list[str]] = {}
    for package, module in _events(packages).items():
        for event in module.PUBLISHES:
            producers.setdefault(event, []).append(package)

    assert {event: names for event, names in producers.items() if len(names) != 1} == {}


def test_every_published_event_has_a_schema_and_no_other_has(
    packages: list[str], repository: Path
) -> None:
    for package, module in _events(packages).items():
        folder = repository / package.replace("_", "-") / "contracts" / "events"
        assert {path.stem for path in folder.glob("*.json")} == set(module.PUBLISHES)


def test_every_schema_is_strict_and_valid(repository: Path) -> None:
    paths = list(repository.glob("*-service/contracts/events/*.json"))

    assert len(paths) >= 15
    for path in paths:
        schema = json.loads(path.read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["additionalProperties"] is False, path.name
        assert set(schema["required"]) == set(schema["properties"]), path.name
