"""Headers that tell browsers what not to do with an answer (OWASP secure headers)."""

from collections.abc import Set

from api_gateway.call import Fields

_ALWAYS: tuple[tuple[str, str], ...] = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
)
_OWN_PAGES: tuple[tuple[str, str], ...] = (
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Cache-Control", "no-store"),
)
_HSTS = "Strict-Transport-Security"
SECURITY_NAMES = frozenset(
    name.lower() for name in (_HSTS, *(name for name, _ in _ALWAYS + _OWN_PAGES))
)


class SecurityHeaders:
    """Adds what an answer does not have yet. hsts_seconds: 0 for no promise of TLS."""

    def __init__(self, hsts_seconds: int) -> None:
        self._hsts = (_HSTS, f"max-age={hsts_seconds}; includeSubDomains")
        self._promise = hsts_seconds > 0

    def decorate(self, fields: Fields, present: Set[str], *, secure: bool, own: bool) -> None:
        """Add to the fields of an answer. secure: came by TLS. own: it is not a service's.

        present: lower-case names of what it has already, at least those of SECURITY_NAMES.
        """
        wanted = _ALWAYS + _OWN_PAGES if own else _ALWAYS
        if not present.isdisjoint(SECURITY_NAMES):
            wanted = tuple(field for field in wanted if field[0].lower() not in present)
        fields += wanted
        if secure and self._promise and _HSTS.lower() not in present:
            fields.append(self._hsts)
