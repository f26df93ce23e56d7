"""Print the part of the locks that some packages need, with versions and hashes as tested.

    python pick.py requirements.lock requirements-compiled.lock \\
        shared/pyproject.toml order-service/pyproject.toml

Runs while an image is built, so that no service has a lock of its own that could fall behind.
Standard library only.
"""

import re
import sys
import tomllib
from pathlib import Path

# A pinned package with its hashes and the comment that says what wants it.
ENTRY = re.compile(r"^(?=[a-z0-9])(.+\n(?:[ \t].*\n?)*)", re.MULTILINE)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
OURS = "chassis"


def canonical(name: str) -> str:
    """Return a name as the lock writes it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def wanted(projects: list[Path]) -> set[str]:
    """Return what the last project needs, and what its parts of the others need.

    `chassis` stands for its dependencies, `chassis[service]` for those and the extra's.
    """
    tables = [tomllib.loads(path.read_text(encoding="utf-8"))["project"] for path in projects]
    ours = {table["name"]: table for table in tables}
    names: set[str] = set()
    open_ends = list(tables[-1].get("dependencies", []))
    while open_ends:
        requirement = open_ends.pop()
        match = NAME.match(requirement)
        name = match[0] if match else requirement
        if name not in ours:
            names.add(canonical(name))
            continue
        open_ends += ours[name].get("dependencies", [])
        for extra in re.findall(r"\[(.*?)\]", requirement):
            for part in extra.split(","):
                open_ends += ours[name]["optional-dependencies"][part.strip()]
    return names


def pick(lock: str, names: set[str]) -> str:
    """Return the lock's entries for `names` and for all that these need.

    What is needed stands in the comments `# via`. Raises SystemExit for a name that is not there.
    """
    entries: dict[str, str] = {}
    needs: dict[str, set[str]] = {}
    for entry in ENTRY.findall(lock):
        name = canonical(entry.split("==")[0])
        entries[name] = entries.get(name, "") + entry
        for by in re.findall(r"^ +#(?: via)? +([a-z0-9][a-z0-9-]*)$", entry, re.MULTILINE):
            needs.setdefault(by, set()).add(name)
    if missing := names - entries.keys():
        sys.exit(f"not in the lock: {', '.join(sorted(missing))}")
    found: set[str] = set()
    open_ends = set(names)
    while open_ends:
        name = open_ends.pop()
        found.add(name)
        open_ends |= needs.get(name, set()) - found
    return "".join(entries[name] for name in sorted(found))


if __name__ == "__main__":
    paths = [Path(argument) for argument in sys.argv[1:]]
    lock = "".join(path.read_text(encoding="utf-8") for path in paths if path.suffix == ".lock")
    print(pick(lock, wanted([path for path in paths if path.suffix != ".lock"])), end="")
