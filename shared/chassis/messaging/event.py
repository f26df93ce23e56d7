"""Domain events as CloudEvents 1.0 in the JSON event format."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

_TYPE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+\.v[1-9][0-9]*")


class TerminalError(Exception):
    """A message that can never be handled: it goes to the dead letters without another try."""


class MalformedEvent(TerminalError):
    """A message that is not one of our CloudEvents; the text names the attribute at fault."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that has happened at a service.

    sequence: the row of the producer's outbox; it grows with each event of one subject.
    """

    id: UUID
    type: str
    source: str
    subject: str
    time: datetime
    data: dict[str, Any]
    sequence: int
    request_id: str | None = None
    traceparent: str | None = None

    def to_cloudevent(self) -> bytes:
        """Return the event in the structured JSON format (CloudEvents 1.0.2, JSON format 3)."""
        attributes = {
            "specversion": "1.0",
            "id": str(self.id),
            "type": self.type,
            "source": self.source,
            "subject": self.subject,
            "time": self.time.astimezone(UTC)
            .isoformat(timespec="microseconds")
            .replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            # The Sequence extension has a string, because JSON numbers lose digits elsewhere.
            "sequence": str(self.sequence),
            "requestid": self.request_id,
            "traceparent": self.traceparent,
            "data": self.data,
        }
        return orjson.dumps(
            {name: value for name, value in attributes.items() if value is not None}
        )

    @classmethod
    def from_cloudevent(cls, body: bytes) -> "Event":
        """Parse one; raises MalformedEvent for whatever `to_cloudevent` would not have written."""
        try:
            attributes = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise MalformedEvent("not JSON") from error
        if not isinstance(attributes, dict):
            raise MalformedEvent("not a JSON object")
        if attributes.get("specversion") != "1.0":
            raise MalformedEvent("specversion is not 1.0")
        if attributes.get("datacontenttype", "application/json") != "application/json":
            raise MalformedEvent("datacontenttype is not application/json")
        return cls(
            id=_uuid(attributes.get("id")),
            type=check_type(attributes.get("type")),
            source=_text(attributes, "source"),
            subject=_text(attributes, "subject"),
            time=_time(attributes.get("time")),
            data=_data(attributes.get("data")),
            sequence=_sequence(attributes.get("sequence")),
            request_id=_optional(attributes, "requestid"),
            traceparent=_optional(attributes, "traceparent"),
        )


def check_type(value: object) -> str:
    """Return `value` if it is a type such as `order.placed.v1`; raises MalformedEvent otherwise."""
    if not isinstance(value, str) or not _TYPE.fullmatch(value):
        raise MalformedEvent("type does not look like order.placed.v1")
    return value


def _uuid(value: object) -> UUID:
    try:
        # The plain form only: UUID() would take braces, a URN prefix and missing hyphens.
        if isinstance(value, str) and len(value) == 36:
            return UUID(value)
    except ValueError:
        pass
    raise MalformedEvent("id is not a UUID")


def _text(attributes: dict[str, Any], name: str) -> str:
    value = attributes.get(name)
    if not isinstance(value, str) or not value:
        raise MalformedEvent(f"{name} is not a non-empty string")
    return value


def _optional(attributes: dict[str, Any], name: str) -> str | None:
    return _text(attributes, name) if attributes.get(name) is not None else None


def _time(value: object) -> datetime:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise MalformedEvent("time is not an RFC 3339 timestamp")
    return moment.astimezone(UTC)


def _data(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MalformedEvent("data is not a JSON object")
    return value


def _sequence(value: object) -> int:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{1,19}", value):
        raise MalformedEvent("sequence is not a string of digits")
    return int(value)
