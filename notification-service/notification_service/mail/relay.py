"""The mail server that takes our mails, as the settings describe it."""

import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from notification_service.providers.settings import require

_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_NAME = re.compile(r"[A-Za-z0-9.\[\]:-]{1,255}")


@dataclass(frozen=True, kw_only=True)
class Relay:
    """How to reach the server, and how long to wait; times in seconds.

    tls: how to check the server's certificate. security: `starttls`, `tls` or `none`.
    """

    host: str
    port: int
    security: str
    tls: ssl.SSLContext
    helo: str
    user: str = ""
    password: str = field(default="", repr=False)
    timeout: float = 10.0
    data_timeout: float = 20.0
    idle: float = 30.0

    @classmethod
    def from_settings(cls, settings: Mapping[str, str]) -> Self:
        """Make it from `SMTP_*`; raises ValueError naming all that is wrong."""
        (host,) = require(settings, "SMTP_HOST")
        security = settings.get("SMTP_SECURITY") or "starttls"
        helo = settings.get("SMTP_HELO") or _own_name()
        user, password = settings.get("SMTP_USER", ""), settings.get("SMTP_PASSWORD", "")
        wrong = []
        if security not in _PORTS:
            wrong.append("SMTP_SECURITY must be starttls, tls or none")
        if not _NAME.fullmatch(host) or not _NAME.fullmatch(helo):
            wrong.append("SMTP_HOST and SMTP_HELO must be names of hosts")
        if bool(user) != bool(password):
            wrong.append("SMTP_USER and SMTP_PASSWORD come together")
        if not (user + password).isascii():
            wrong.append("SMTP_USER and SMTP_PASSWORD must be ASCII")
        if user and security == "none":
            wrong.append("SMTP_SECURITY=none would send SMTP_PASSWORD in clear")
        if wrong:
            raise ValueError("; ".join(wrong))
        return cls(
            host=host,
            port=int(settings.get("SMTP_PORT") or 0) or _PORTS[security],
            security=security,
            tls=_context(settings.get("SMTP_CA_FILE", "")),
            helo=helo,
            user=user,
            password=password,
            timeout=_seconds(settings, "SMTP_TIMEOUT", cls.timeout),
            data_timeout=_seconds(settings, "SMTP_DATA_TIMEOUT", cls.data_timeout),
            idle=float(settings.get("SMTP_IDLE") or cls.idle),
        )


def _context(ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:
        raise ValueError(f"SMTP_CA_FILE cannot be read: {error.strerror or error}") from None


def _seconds(settings: Mapping[str, str], name: str, default: float) -> float:
    found = float(settings.get(name) or default)
    if found <= 0:
        # smtplib takes 0 for "do not block", and nothing for "wait for ever".
        raise ValueError(f"{name} must be more than 0")
    return found


def _own_name() -> str:
    # Not getfqdn: it asks the DNS, and may do so for many seconds.
    name = socket.gethostname()
    return name if "." in name else "[127.0.0.1]"
