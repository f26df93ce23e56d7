"""What the documents point at exists."""

import re
import subprocess
from pathlib import Path

LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


def _documents(repository: Path) -> list[Path]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    listed = subprocess.run(command, cwd=repository, check=True, capture_output=True, text=True)
    return [
        repository / line for line in listed.stdout.splitlines() if (repository / line).exists()
    ]


def test_every_link_to_a_file_leads_somewhere(repository: Path) -> None:
    broken = [
        (str(document.relative_to(repository)), target)
        for document in _documents(repository)
        for target in LINK.findall(document.read_text(encoding="utf-8"))
        if "://" not in target and not (document.parent / target).exists()
    ]

    assert broken == []


def test_the_readme_stays_short(repository: Path) -> None:
    assert len((repository / "README.md").read_text(encoding="utf-8").splitlines()) <= 250


def test_decisions_are_numbered_without_gaps(repository: Path) -> None:
    numbers = sorted(int(path.name[:4]) for path in (repository / "docs" / "adr").glob("*.md"))

    assert numbers == list(range(1, len(numbers) + 1))
