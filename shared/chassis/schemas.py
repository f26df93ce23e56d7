"""marshmallow fields and a schema base that take exactly what they say, and convert nothing."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from marshmallow import RAISE, Schema, fields, validate

from chassis.money import EXPONENTS

BIGINT_MAX = 2**63 - 1


def _listed(validators: Any) -> list[Any]:
    return list(validators) if isinstance(validators, list | tuple) else [validators]


def one_of(kind: type[StrEnum]) -> validate.OneOf:
    """Demand, and describe, one of the values of an enumeration."""
    return validate.OneOf([member.value for member in kind])


class StrictSchema(Schema):
    """A schema that refuses unknown fields; the error names them."""

    class Meta:
        unknown = RAISE

    error_messages = {"unknown": "Unknown field."}


class Str(fields.String):
    """Text without surrounding blanks; `min` and `max` count characters after trimming."""

    def __init__(self, *, min: int = 0, max: int = 10_000, **kwargs: Any) -> None:
        validators = [validate.Length(min=min, max=max), *_listed(kwargs.pop("validate", []))]
        super().__init__(validate=validators, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        # NUL arrives here from query strings; in JSON bodies `strict_json` has refused it already.
        if "\x00" in text:
            raise self.make_error("invalid")
        return text.strip()


class Int(fields.Integer):
    """A JSON integer, not a float, a bool or text; `min` and `max` are inclusive.

    In a query string, where all is text, ASCII digits with an optional minus sign.
    """

    def __init__(self, *, min: int = -BIGINT_MAX - 1, max: int = BIGINT_MAX, **kwargs: Any) -> None:
        self._from_text = bool(kwargs.pop("from_text", False))
        validators = [validate.Range(min=min, max=max), *_listed(kwargs.pop("validate", []))]
        super().__init__(strict=True, validate=validators, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if self._from_text and isinstance(value, str):
            digits = value.removeprefix("-")
            if not (digits.isascii() and digits.isdigit() and len(digits) <= 19):
                raise self.make_error("invalid")
            return int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.make_error("invalid")
        return value


class Timestamp(fields.AwareDateTime):
    """An RFC 3339 date-time with an offset, of the years 1900 to 9998; dumped in UTC."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="iso", **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        moment = super()._deserialize(value, attr, data, **kwargs)
        # Near Python's limits an offset leads beyond them: Postgres would store the unreadable.
        if not 1900 <= moment.year < 9999:
            raise self.make_error("invalid", input=value, obj_type=self.OBJ_TYPE)
        return moment

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        # orjson writes it, with the offset that it has.
        return value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo else value


class CurrencyCode(fields.String):
    """An active ISO 4217 code in capitals."""

    def __init__(self, **kwargs: Any) -> None:
        known = validate.OneOf(sorted(EXPONENTS), error="Must be an ISO 4217 code.")
        super().__init__(validate=known, **kwargs)


class FieldErrorSchema(Schema):
    """One problem of one field."""

    field = fields.String(metadata={"example": "items.0.quantity"})
    message = fields.String(metadata={"example": "Must be greater than or equal to 1."})


class MoneySchema(StrictSchema):
    """An amount in minor units (1999 is 19.99 in EUR) and its currency."""

    amount = Int(required=True, min=0, metadata={"description": "Minor units", "example": 1999})
    currency = CurrencyCode(required=True, metadata={"example": "GBP"})
