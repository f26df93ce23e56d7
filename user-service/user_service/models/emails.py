"""One canonical form of an e-mail address, so that one mailbox has one account.

Source: UAX 15 and UTS 36 (NFKC, case folding, invisible characters), RFC 5321 section 4.5.3
(lengths), RFC 6531 (non-ASCII local parts). Provider rules such as Gmail's dots are left alone:
they are the provider's to change.
"""

import re
import unicodedata

from chassis.exceptions import Unprocessable

MAX_LENGTH = 254
MAX_LOCAL_LENGTH = 64
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_FORBIDDEN_IN_LOCAL = frozenset('()<>[]:;,\\"@ ')
# Format (zero-width, bidi), control, surrogate, private use, unassigned, and the separators.
_INVISIBLE = frozenset({"Cf", "Cc", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"})


class InvalidEmail(Unprocessable):
    """The e-mail address is not valid."""

    code = "users.invalid_email"

    def __init__(self, problem: str) -> None:
        super().__init__(errors=[{"field": "email", "message": problem}])


def canonical_email(text: str) -> str:
    """Return the form that is compared and unique: NFKC, case-folded, domain in IDNA ASCII.

    Applying it twice changes nothing. Raises InvalidEmail.
    """
    folded = _fold(text.strip())
    if any(unicodedata.category(character) in _INVISIBLE for character in folded):
        raise InvalidEmail("must not contain spaces or invisible characters")
    local, at, domain = folded.rpartition("@")
    if not at or not _is_local_part(local):
        raise InvalidEmail("is not an e-mail address")
    canonical = f"{local}@{_ascii_domain(domain)}"
    if len(canonical.encode()) > MAX_LENGTH:
        raise InvalidEmail(f"is longer than {MAX_LENGTH} bytes")
    return canonical


def _fold(text: str) -> str:
    # Folding can undo the normal form and the reverse, so this runs until nothing changes.
    while True:
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
        if folded == text:
            return text
        text = folded


def _is_local_part(local: str) -> bool:
    return (
        0 < len(local.encode()) <= MAX_LOCAL_LENGTH
        and not _FORBIDDEN_IN_LOCAL & set(local)
        and not local.startswith(".")
        and not local.endswith(".")
        and ".." not in local
    )


def _ascii_domain(domain: str) -> str:
    try:
        ascii_form = domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise InvalidEmail("has a domain that is not valid") from None
    labels = ascii_form.split(".")
    if len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):
        raise InvalidEmail("has a domain that is not valid")
    return ascii_form
