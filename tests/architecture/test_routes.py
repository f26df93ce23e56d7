"""Every route has an authorization decision, and docs/routes.md lists them all."""

from pathlib import Path
from typing import Any

from flask import Flask

from chassis.auth import RULE


def _rules(app: Flask) -> list[tuple[str, str, str]]:
    rows = []
    for rule in app.url_map.iter_rules():
        view: Any = app.view_functions[rule.endpoint]
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            handler = getattr(getattr(view, "view_class", None), method.lower(), view)
            rows.append((rule.rule, method, getattr(handler, RULE, "UNDECIDED")))
    return sorted(rows)


def test_every_route_has_an_authorization_decision(folders: dict[str, Path], services: Any) -> None:
    undecided = [
        (package, path, method)
        for package in folders
        for path, method, rule in _rules(services.app(package))
        if rule == "UNDECIDED"
    ]

    assert undecided == []


def test_the_table_of_routes_equals_the_code(
    packages: list[str], services: Any, repository: Path
) -> None:
    lines = []
    for package in packages:
        lines += [
            f"## {package.replace('_', '-')}",
            "",
            "| path | method | rule |",
            "| --- | --- | --- |",
        ]
        lines += [
            f"| `{path}` | {method} | {rule} |"
            for path, method, rule in _rules(services.app(package))
        ]
        lines.append("")
    actual = "\n".join(lines).rstrip() + "\n"

    documented = (repository / "docs" / "routes.md").read_text(encoding="utf-8")

    assert documented[documented.index("## ") :] == actual
