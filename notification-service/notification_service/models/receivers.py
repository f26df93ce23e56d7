"""Whom a message can reach: mobile numbers in E.164, and addresses of mails."""

import re
from enum import StrEnum

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType


class Channel(StrEnum):
    SMS = "sms"
    EMAIL = "email"


_MOBILE = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
# What SMTP without extensions can carry (RFC 5321), one domain with a dot at least.
_ADDRESS = re.compile(
    r"(?=.{3,254}\Z)[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,63}"
)


class NotReachable(ValueError):
    """Nobody can be reached there; the message says why and does not repeat it."""


def mobile_number(text: str, default_region: str = "", regions: tuple[str, ...] = ()) -> str:
    """Return a mobile number in E.164.

    default_region: country of numbers without `+`; empty: they are refused. regions: countries
    that may get messages; empty: all. Raises NotReachable.
    """
    try:
        number = phonenumbers.parse(text, default_region or None)
    except NumberParseException:
        raise NotReachable(
            "Is not a phone number with country code, such as +8613812345678."
        ) from None
    if number.extension or not phonenumbers.is_valid_number(number):
        raise NotReachable("Is not a number that is in use anywhere.")
    if phonenumbers.number_type(number) not in _MOBILE:
        raise NotReachable("Is not a mobile number.")
    if regions and phonenumbers.region_code_for_number(number) not in regions:
        raise NotReachable("Is in a country that gets no messages.")
    return str(phonenumbers.format_number(number, PhoneNumberFormat.E164))


def region_of(number: str) -> str:
    """Return the country (ISO 3166) of a number in E.164, or an empty string."""
    try:
        return str(phonenumbers.region_code_for_number(phonenumbers.parse(number)) or "")
    except NumberParseException:
        return ""


def mail_address(text: str) -> str:
    """Return an address as mails are sent to it, its domain in lower case; raises NotReachable."""
    if not _ADDRESS.fullmatch(text):
        raise NotReachable("Is not an e-mail address.")
    local, _, domain = text.rpartition("@")
    return f"{local}@{domain.lower()}"


def masked(receiver: str) -> str:
    """Return a receiver as logs may show it: `+86*******678`, `m***@example.com`."""
    local, at, domain = receiver.rpartition("@")
    if at:
        return f"{local[:1]}***@{domain}"
    return f"{receiver[:3]}{'*' * max(0, len(receiver) - 6)}{receiver[-3:]}"
