"""The types that a field of a resource can have, in all the languages that it is written in."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Kind:
    """One type. example, other: two values as JSON has them.

    annotation: Python's type. column, migration: SQLAlchemy's. taken: the marshmallow field of
    requests and, in `limits`, its arguments; shown: that of answers.
    """

    annotation: str
    column: str
    taken: str
    shown: str
    example: Any
    other: Any
    limits: str = ""

    @property
    def migration(self) -> str:
        return f"sa.{self.column}" if self.column.endswith(")") else f"sa.{self.column}()"


_UUIDS = ("0198c5b2-6f3e-7c41-9a57-2d1f0b8e4c63", "0198c5b2-6f3e-7c41-9a57-2d1f0b8e4c64")
_TIMES = ("2026-03-02T09:30:00Z", "2026-03-03T09:30:00Z")
KINDS = {
    "str": Kind(
        "str", "Text", "Str", "fields.String", "Some text", "Other text", "min=1, max=10_000"
    ),
    "int": Kind("int", "BigInteger", "Int", "fields.Integer", 4, 5),
    "bool": Kind(
        "bool", "Boolean", "fields.Boolean", "fields.Boolean", True, False,
        "truthy={True}, falsy={False}",
    ),
    "date": Kind("date", "Date", "fields.Date", "fields.Date", "2026-03-02", "2026-03-03"),
    "datetime": Kind("datetime", "DateTime(timezone=True)", "Timestamp", "Timestamp", *_TIMES),
    "uuid": Kind("UUID", "Uuid", "fields.UUID", "fields.UUID", *_UUIDS),
}  # fmt: skip


@dataclass(frozen=True)
class Field:
    """A field of the resource."""

    name: str
    kind: Kind

    def taken(self, *arguments: str) -> str:
        """Return the field of a request's schema."""
        listed = [*arguments, self.kind.limits, self._metadata]
        return f"{self.kind.taken}({', '.join(one for one in listed if one)})"

    @property
    def shown(self) -> str:
        """The field of an answer's schema."""
        return f"{self.kind.shown}({self._metadata})"

    @property
    def _metadata(self) -> str:
        return f'metadata={{"example": {self.kind.example!r}}}'
