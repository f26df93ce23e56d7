"""Reading what providers push: anybody may have written it, so every field is checked."""

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any
from urllib.parse import parse_qs

import orjson

from notification_service.providers.port import ReceiptRefused

_MOST_ENTRIES = 1000
_LONGEST_TEXT = 256


def entries(body: bytes) -> list[dict[str, Any]]:
    """Return the objects of a JSON array; raises ReceiptRefused for anything else."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise ReceiptRefused from None
    if not isinstance(found, list) or len(found) > _MOST_ENTRIES:
        raise ReceiptRefused
    if not all(isinstance(entry, dict) for entry in found):
        raise ReceiptRefused
    return found


def form(body: bytes) -> dict[str, list[str]]:
    """Return the values of a form by name, empty ones too; raises ReceiptRefused."""
    try:
        return parse_qs(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=100,
        )
    except ValueError:
        raise ReceiptRefused from None


def field(entry: Mapping[str, Any], name: str, *, required: bool = False) -> str:
    """Return a field as text, empty where it is missing; raises ReceiptRefused if it cannot be."""
    value = entry.get(name)
    if isinstance(value, list):
        value = value[0] if len(value) == 1 else None
    text = str(value) if isinstance(value, str | int) else ""
    if len(text) > _LONGEST_TEXT or "\0" in text or (required and not text):
        raise ReceiptRefused
    return text


def local_time(text: str, zone: tzinfo) -> datetime | None:
    """Return the aware time of `YYYY-MM-DD HH:MM:SS` (or ISO 8601); None if it is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=zone)
