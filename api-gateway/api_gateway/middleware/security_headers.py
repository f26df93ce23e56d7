"""Headers that tell browsers what not to do with an answer (OWASP secure headers)."""

from api_gateway.call import Fields

_ALWAYS = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
)
_OWN_PAGES = (
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Cache-Control", "no-store"),
)


class SecurityHeaders:
    """Adds what an answer does not have yet. hsts_seconds: 0 for no promise of TLS."""

    def __init__(self, hsts_seconds: int) -> None:
        self._hsts = ("Strict-Transport-Security", f"max-age={hsts_seconds}; includeSubDomains")
        self._promise = hsts_seconds > 0

    def decorate(self, fields: Fields, *, secure: bool, own: bool) -> None:
        """Add to the fields of an answer. secure: came by TLS. own: it is not a service's."""
        present = {name.lower() for name, _ in fields}
        wanted = _ALWAYS + _OWN_PAGES if own else _ALWAYS
        fields += [field for field in wanted if field[0].lower() not in present]
        if secure and self._promise and "strict-transport-security" not in present:
            fields.append(self._hsts)
