"""Phone numbers that a code can be sent to, in the one form that is stored and compared: E.164."""

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

# In some countries, the United States among them, mobile numbers look like those of fixed lines.
_MOBILE = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)


class NotMobile(ValueError):
    """Nobody gets a message there; the text says why and does not repeat the number."""


def mobile_number(text: str) -> str:
    """Return a mobile number in E.164: `+44 7400 123456` becomes `+447400123456`.

    Raises NotMobile, also for a number without country code. Source: ITU-T E.164, and the numbering
    plans that libphonenumber keeps.
    """
    try:
        number = phonenumbers.parse(text)
    except NumberParseException:
        raise NotMobile("Must be a phone number with country code, as +447400123456.") from None
    if number.extension or not phonenumbers.is_valid_number(number):
        raise NotMobile("Is not a phone number that is in use.")
    if phonenumbers.number_type(number) not in _MOBILE:
        raise NotMobile("Is not a mobile number.")
    return str(phonenumbers.format_number(number, PhoneNumberFormat.E164))
