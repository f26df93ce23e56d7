"""Rules of the style that a machine can check."""

import ast
import os
import subprocess
import sys
from pathlib import Path

FORBIDDEN_MODULES = {"utils", "helpers", "common", "manager", "base", "misc", "impl"}


def test_only_the_chassis_commits(source_files: list[Path], repository: Path) -> None:
    # The sandbox provider plays an outside party, with books and transactions of its own.
    exempt = {"tests", "chassis", "versions", "sandbox"}
    offenders = [
        str(path.relative_to(repository))
        for path in source_files
        if ".commit(" in path.read_text(encoding="utf-8") and not exempt & set(path.parts)
    ]

    assert offenders == []


def test_no_source_file_is_longer_than_400_lines(source_files: list[Path]) -> None:
    long = {
        path.name: lines
        for path in source_files
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }

    assert long == {}


def test_no_function_is_longer_than_40_lines(source_files: list[Path], repository: Path) -> None:
    long = []
    for path in source_files:
        if {"tests", "versions"} & set(path.parts):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and _body_lines(node) > 40:
                long.append(f"{path.relative_to(repository)}:{node.name}")

    assert long == []


def _body_lines(function: ast.FunctionDef) -> int:
    first = function.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    start = (first.end_lineno or first.lineno) + 1 if documented else first.lineno
    return (function.end_lineno or start) - start + 1


def test_no_module_has_a_name_that_says_nothing(source_files: list[Path]) -> None:
    assert [path.name for path in source_files if path.stem in FORBIDDEN_MODULES] == []


def test_tests_have_no_init_file_and_do_not_sleep(source_files: list[Path]) -> None:
    tests = [path for path in source_files if "tests" in path.parts]

    beside_tests = {path.parent for path in tests if path.name.startswith("test_")}
    assert [folder for folder in beside_tests if (folder / "__init__.py").exists()] == []
    sleeping = "time." + "sleep("
    assert [path.name for path in tests if sleeping in path.read_text(encoding="utf-8")] == []


def test_importing_every_module_needs_no_environment(
    source_files: list[Path], repository: Path
) -> None:
    skipped = {"tests", "versions", "migrations", "benchmarks", "__main__.py", "conftest.py"}
    modules = sorted(
        _module_name(path)
        for path in source_files
        if not skipped & set(path.parts) and path.name not in skipped and _in_package(path)
    )
    script = "import importlib\n" + "\n".join(f"importlib.import_module({m!r})" for m in modules)

    bare = {"PATH": os.environ["PATH"], "PYTHONWARNINGS": "error", "HOME": str(repository)}
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=bare)

    assert run.returncode == 0, run.stderr[-2000:]
    assert len(modules) > 50


def _in_package(path: Path) -> bool:
    return (path.parent / "__init__.py").exists()


def _module_name(path: Path) -> str:
    parts = [path.stem] if path.name != "__init__.py" else []
    folder = path.parent
    while (folder / "__init__.py").exists():
        parts.insert(0, folder.name)
        folder = folder.parent
    return ".".join(parts)
