"""Copying what a YAML file says of one service for another, comments and layout untouched.

A YAML file is taken as an outline: a line and, indented below it, what belongs to it. Whatever
names a service in its key is copied with the names and ports exchanged, so that a new service is
wired as an existing one is, whatever the file looks like by then.
"""

import re
from dataclasses import dataclass

from platform_cli.manifest import WORKER_OFFSET, Manifest

_KEY = re.compile(r"\s*(?:- )?([^\s:]+)")


@dataclass(frozen=True)
class Names:
    """How a service is called in configuration."""

    name: str
    folder: str
    package: str
    port: int

    @classmethod
    def of(cls, manifest: Manifest) -> "Names":
        return cls(manifest.name, manifest.folder.name, manifest.package, manifest.port)

    def words(self) -> tuple[str, ...]:
        """Return all of them, each in the place that it has for every service."""
        ports = (str(self.port), str(self.port + WORKER_OFFSET))
        return (self.folder, self.package, self.name, self.name.upper(), *ports)


def exchange(text: str, old: Names, new: Names) -> str:
    """Return `text` with one service's names and ports in the place of another's."""
    pairs = dict(zip(old.words(), new.words(), strict=True))
    return _pattern(old).sub(lambda match: pairs[match[0]], text)


def mentions(text: str, names: Names) -> bool:
    """Tell whether a text has one of a service's names or ports in it."""
    return bool(_pattern(names).search(text))


def _pattern(names: Names) -> re.Pattern[str]:
    # `orders` in `orders-db` and `orders_database_url`, but not in `reorders`.
    words = "|".join(re.escape(word) for word in names.words())
    return re.compile(rf"(?<![A-Za-z0-9])(?:{words})(?![A-Za-z0-9])")


def copy_service(text: str, model: Names, last: Names, new: Names) -> str:
    """Add for `new` what there is for `model`, behind what there is for `last`."""
    lines = text.splitlines(keepends=True)
    additions: list[tuple[int, list[str]]] = []
    for start, end in _blocks(lines, model):
        first, stop = _twin(lines, start, end, model, last)
        copied = [exchange(line, model, new) for line in lines[start:end]]
        # A blank line between blocks belongs to the one that follows it.
        spaced = first > 0 and not lines[first - 1].strip() and lines[start].strip() != ""
        additions.append((stop, ["\n", *copied] if spaced else copied))
    for at, added in sorted(additions, key=lambda one: one[0], reverse=True):
        lines[at:at] = added
    return "".join(lines)


def drop_service(text: str, gone: Names) -> str:
    """Remove whatever names this service in its key."""
    lines = text.splitlines(keepends=True)
    for start, end in reversed(_blocks(lines, gone)):
        spaced = start > 0 and not lines[start - 1].strip()
        del lines[start - 1 if spaced else start : end]
    return "".join(lines)


def _blocks(lines: list[str], names: Names) -> list[tuple[int, int]]:
    """Return where the blocks with these names are; what follows directly belongs to one run."""
    found: list[tuple[int, int]] = []
    at = 0
    while at < len(lines):
        end = _end(lines, at)
        if _names_it(lines[at], names):
            if found and not "".join(lines[found[-1][1] : at]).strip() and _level(lines, found, at):
                found[-1] = (found[-1][0], end)
            else:
                found.append((at, end))
            at = end
        else:
            at += 1
    return found


def _level(lines: list[str], found: list[tuple[int, int]], at: int) -> bool:
    return _indent(lines[found[-1][0]]) == _indent(lines[at])


def _twin(lines: list[str], start: int, end: int, model: Names, last: Names) -> tuple[int, int]:
    """Return where the block of `last` is that is to it what lines[start:end] is to `model`."""
    wanted = exchange(_key(lines[start]), model, last)
    for first, stop in _blocks(lines, last):
        if _key(lines[first]) == wanted and _indent(lines[first]) == _indent(lines[start]):
            return first, stop
    return start, end


def _names_it(line: str, names: Names) -> bool:
    return mentions(_key(line), names)


def _key(line: str) -> str:
    match = _KEY.match(line)
    return match[1] if match and not line.lstrip().startswith("#") else ""


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _end(lines: list[str], start: int) -> int:
    """Return the line behind a block: the first one that is not indented below its first."""
    end = at = start + 1
    while at < len(lines):
        if lines[at].strip():
            if _indent(lines[at]) <= _indent(lines[start]):
                break
            end = at + 1
        at += 1
    return end
