"""Reads `NAME=value` files, the form that Docker's --env-file and shells share."""

import re
from pathlib import Path

from platform_cli.errors import PlatformError

_LINE = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?P<value>.*)")
_ESCAPES = {"\\n": "\n", "\\t": "\t", '\\"': '"', "\\\\": "\\"}


def read_env_file(file: Path) -> dict[str, str]:
    """Return the variables of a file; raises PlatformError naming the first line that is none."""
    try:
        lines = file.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise PlatformError(f"cannot read {file}: {reason}") from error
    variables = {}
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = _LINE.fullmatch(text)
        if match is None:
            raise PlatformError(f"{file}, line {number}: not NAME=value")
        variables[match["name"]] = _value(match["value"], file, number)
    return variables


def _value(text: str, file: Path, number: int) -> str:
    if text[:1] in ("'", '"'):
        quote = text[0]
        end = re.match(r"'[^']*'|\"(?:\\.|[^\"\\])*\"", text)
        if end is None or ((rest := text[end.end() :].strip()) and not rest.startswith("#")):
            raise PlatformError(f"{file}, line {number}: the quote {quote} does not end")
        inner = end.group()[1:-1]
        if quote == "'":
            return inner
        return re.sub(r"\\[nt\"\\]", lambda match: _ESCAPES[match.group()], inner)
    # A comment needs a space before it: passwords and URLs hold # too.
    return re.split(r"\s+#", text, maxsplit=1)[0].strip()
