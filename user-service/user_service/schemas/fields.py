"""Fields that only this service has."""

import re
import unicodedata
from typing import Any

from marshmallow import ValidationError, fields, validate

from chassis.schemas import Str
from user_service.models.phones import NotMobile, mobile_number

_PHONE_PUNCTUATION = re.compile(r"[\s().\-]")
# E.164: a plus, a country code that does not start with 0, at most 15 digits.
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


class Secret(fields.String):
    """A password or token: never trimmed, never dumped."""

    def __init__(self, *, max: int, **kwargs: Any) -> None:
        super().__init__(load_only=True, validate=validate.Length(min=1, max=max), **kwargs)


class Line(Str):
    """One line of text for people: without control, zero-width and bidi characters.

    Those make one name look like another, or put text where it does not belong in a label or mail.
    """

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = unicodedata.normalize("NFC", super()._deserialize(value, attr, data, **kwargs))
        # The joiners (U+200C, U+200D) are letters' business in Persian, Indic scripts and emoji.
        bad = (c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp"))
        if any(character not in "\u200c\u200d" for character in bad):
            raise ValidationError("Text holds a character that is not allowed.")
        return text


class Phone(Str):
    """A phone number with country code; loaded as E.164 (`+44 20 7946 0018` -> `+442079460018`)."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max=32, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        number = _PHONE_PUNCTUATION.sub("", super()._deserialize(value, attr, data, **kwargs))
        if not _E164.fullmatch(number):
            raise ValidationError("Must be a phone number such as +442079460018.")
        return number


class Mobile(Str):
    """A mobile number with country code; loaded as E.164 (`+44 7400 123456` -> `+447400123456`)."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max=32, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        try:
            return mobile_number(super()._deserialize(value, attr, data, **kwargs))
        except NotMobile as error:
            raise ValidationError(str(error)) from None


class Flag(fields.Boolean):
    """`true` or `false` and nothing that looks like it: Python takes 1, "on" and "t" for true."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value
