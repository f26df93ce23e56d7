"""JSON bodies, read strictly: what Python's parser lets through would fail later, in the database.

Refused: NaN and infinities, duplicate keys, NUL and lone surrogates in text, integers beyond 64
bits, encodings other than UTF-8, and nesting deeper than `MAX_DEPTH` (RFC 8259, sections 4 to 9).
"""

import json
import math
from typing import Any, NoReturn

import orjson
from flask import Flask, Response
from flask.json.provider import JSONProvider

from chassis.exceptions import BadRequest, Unprocessable
from chassis.response import json_bytes

MAX_DEPTH = 64
BIGINT = range(-(2**63), 2**63)


class _Malformed(ValueError):
    """The text is not the JSON that we accept."""


def _refuse_constant(name: str) -> NoReturn:
    raise _Malformed(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _Malformed("a number is out of range")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _Malformed("a name stands twice in one object")
    return members


def loads(body: bytes) -> Any:
    """Parse a body; raises BadRequest (malformed) or Unprocessable (with the field at fault)."""
    try:
        document = json.loads(
            body.decode("utf-8"),
            parse_constant=_refuse_constant,
            parse_float=_finite,
            object_pairs_hook=_unique,
        )
    except RecursionError as error:
        raise BadRequest("The JSON is nested too deeply", code="malformed_json") from error
    except ValueError as error:
        detail = (
            str(error)
            if isinstance(error, _Malformed | json.JSONDecodeError)
            else "it is not UTF-8 text"
        )
        raise BadRequest(f"The body is not valid JSON: {detail}", code="malformed_json") from error
    _check(document)
    return document


def _check(document: Any) -> None:
    pending: list[tuple[tuple[str, ...], Any]] = [((), document)]
    while pending:
        path, value = pending.pop()
        if len(path) > MAX_DEPTH:
            raise BadRequest("The JSON is nested too deeply", code="malformed_json")
        if isinstance(value, dict):
            for name, member in value.items():
                refuse_bad_text(".".join((*path, "<name>")), name)
                pending.append(((*path, name), member))
        elif isinstance(value, list):
            pending.extend(((*path, str(index)), member) for index, member in enumerate(value))
        elif isinstance(value, str):
            refuse_bad_text(".".join(path), value)
        elif isinstance(value, int) and value not in BIGINT:
            raise _field_error(".".join(path), "Number is out of range.")


def refuse_bad_text(field: str, text: str) -> None:
    """Raise Unprocessable where Postgres cannot store `text`: NUL or a lone surrogate."""
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise _field_error(field, "Text holds a character that is not allowed.")


def _field_error(field: str, message: str) -> Unprocessable:
    return Unprocessable("The request is not valid", errors=[{"field": field, "message": message}])


class StrictJSONProvider(JSONProvider):
    """Flask's JSON, with `loads` above and orjson for output."""

    def __init__(self, app: Flask) -> None:
        super().__init__(app)
        self.mimetype = "application/json"

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return json_bytes(obj).decode()

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        return loads(s.encode() if isinstance(s, str) else s)

    def response(self, *args: Any, **kwargs: Any) -> Any:
        return Response(
            json_bytes(self._prepare_response_obj(args, kwargs)), mimetype=self.mimetype
        )


def compact(document: Any) -> bytes:
    """Encode with sorted keys, so that equal documents give equal bytes."""
    return orjson.dumps(document, default=str, option=orjson.OPT_SORT_KEYS)
