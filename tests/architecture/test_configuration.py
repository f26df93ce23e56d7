"""The tables of settings in the READMEs equal the code."""

import importlib
import re
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from chassis.config import ServiceConfig

ROW = re.compile(r"^\| `([A-Z][A-Z0-9_]+)` \| (.*?) \| (.*?) \|$", re.MULTILINE)


def _table(readme: Path) -> dict[str, tuple[str, str]]:
    return {name: (default, text) for name, default, text in ROW.findall(readme.read_text("utf-8"))}


def _rows(config: Any, without: set[str]) -> dict[str, tuple[str, str]]:
    return {
        spec.name.upper(): (_default(spec), spec.metadata["doc"])
        for spec in fields(config)
        if spec.name not in without
    }


def _default(spec: Any) -> str:
    if spec.default is MISSING:
        return "required"
    value = ",".join(spec.default) if isinstance(spec.default, tuple) else str(spec.default)
    return f"`{value}`" if value else "empty"


def test_the_readme_lists_every_common_setting(repository: Path) -> None:
    assert _table(repository / "README.md") == _rows(ServiceConfig, without=set())


def test_each_service_lists_its_own_settings(folders: dict[str, Path]) -> None:
    common = {spec.name for spec in fields(ServiceConfig)}
    for package, folder in folders.items():
        config = importlib.import_module(f"{package}.config").Config
        readme = folder / "README.md"
        assert _table(readme) == _rows(config, without=common), package
