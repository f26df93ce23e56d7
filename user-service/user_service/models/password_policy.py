"""Which passwords are accepted.

Length decides, composition rules do not exist (NIST SP 800-63B section 3.1.1.2). NIST and OWASP
call less than 15 characters weak where there is no second factor. The default minimum is
nevertheless 8, because a shop whose customers turn away at the form gains nothing, and guesses are
bounded otherwise: 100 an hour for each account from everywhere together, common and obvious
passwords refused. `PASSWORD_MIN_LENGTH=15` is for whoever weighs that differently.
"""

import unicodedata

from chassis.exceptions import Unprocessable
from user_service.models.common_passwords import COMMON_PASSWORDS

SHORTEST_MINIMUM = 8
MAX_LENGTH = 128
# Shorter parts of a name or address would refuse good passwords by coincidence.
_CONTEXT_LENGTH = 4


class WeakPassword(Unprocessable):
    """The password is too easy to guess."""

    code = "users.weak_password"

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(errors=[{"field": field, "message": problem}])


def require_strong_password(
    password: str, *, minimum: int, context: tuple[str, ...], field: str = "password"
) -> None:
    """Raise WeakPassword naming `field` unless the password may be used.

    minimum: characters. context: the account's e-mail address and name; a password that is little
    more than a part of them is refused.
    """
    text = unicodedata.normalize("NFKC", password)
    if not minimum <= len(text) <= MAX_LENGTH:
        raise WeakPassword(field, f"Must have {minimum} to {MAX_LENGTH} characters.")
    folded = text.casefold()
    if len(set(folded)) < 4:
        raise WeakPassword(field, "Has too few different characters.")
    if folded in COMMON_PASSWORDS or _core(folded) in COMMON_PASSWORDS:
        raise WeakPassword(field, "Is among the most used passwords.")
    if _core(folded) in _words(context):
        raise WeakPassword(field, "Must not be made of your name or e-mail address.")


def _core(folded: str) -> str:
    """Return the password without what people append to a word to satisfy rules."""
    return folded.strip("0123456789!?.,;:*#$%&@+-_= ")


def _words(context: tuple[str, ...]) -> set[str]:
    joined = " ".join(context).casefold()
    separated = "".join(character if character.isalnum() else " " for character in joined)
    return {word for word in separated.split() if len(word) >= _CONTEXT_LENGTH}
