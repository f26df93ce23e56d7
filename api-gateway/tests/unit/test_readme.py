"""The tables of the README equal the code."""

import re
from dataclasses import MISSING, fields
from pathlib import Path

from api_gateway import errors
from api_gateway.config import Config
from api_gateway.route_file import KEYS, RULE_KEYS
from chassis.exceptions import ServiceError

README = Path(__file__).resolve().parents[2] / "README.md"
SETTING = re.compile(r"^\| `([A-Z][A-Z0-9_]+)` \| (.*?) \| (.*?) \|$", re.MULTILINE)
KEY = re.compile(r"^\| `([a-z_]+)` \|", re.MULTILINE)
CODE = re.compile(r"^\| (\d{3}) \| `(gateway\.[a-z_]+)` \|", re.MULTILINE)


def default(spec: object) -> str:
    value = getattr(spec, "default", MISSING)
    if value is MISSING:
        return "required"
    text = ",".join(value) if isinstance(value, tuple) else str(value)
    return f"`{text}`" if text else "empty"


def test_readme_lists_every_setting() -> None:
    rows = {(name, value, text) for name, value, text in SETTING.findall(README.read_text("utf-8"))}
    assert rows == {(s.name.upper(), default(s), s.metadata["doc"]) for s in fields(Config)}


def test_readme_lists_every_key_of_the_route_table() -> None:
    assert set(KEY.findall(README.read_text("utf-8"))) == {*KEYS, *RULE_KEYS}


def test_readme_lists_every_error_of_the_gateway() -> None:
    own = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    codes = {
        (kind.status, kind.code)
        for kind in own
        if issubclass(kind, ServiceError) and kind.code.startswith("gateway.")
    }
    documented = {(int(status), code) for status, code in CODE.findall(README.read_text("utf-8"))}
    assert codes <= documented
    before_the_app = {
        (400, "gateway.malformed_request"), (414, "gateway.target_too_long"),
        (417, "gateway.expectation_failed"), (431, "gateway.headers_too_large"),
        (503, "gateway.unhealthy"), (505, "gateway.unknown_version"),
    }  # fmt: skip
    assert documented - codes == before_the_app
