"""The settings of user-service."""

from dataclasses import dataclass

from chassis.config import ServiceConfig, setting
from user_service.models.emails import InvalidEmail, canonical_email
from user_service.models.password_policy import (
    MAX_LENGTH,
    SHORTEST_MINIMUM,
    WeakPassword,
    require_strong_password,
)

DAY = 86_400


@dataclass(frozen=True, kw_only=True)
class Config(ServiceConfig):
    """What only user-service reads."""

    admin_email: str = setting("", "E-mail address of the first administrator; empty: none is made")
    admin_password: str = setting("", "Password of the first administrator", secret=True)
    password_min_length: int = setting(8, "Characters of a password; 15 without a second factor")
    hash_concurrency: int = setting(2, "Passwords hashed at the same time, 19 MiB and a core each")
    login_account_limit: int = setting(100, "Wrong passwords an hour for one account")
    login_address_limit: int = setting(300, "Wrong passwords an hour from one client address")
    proxy_hops: int = setting(1, "Proxies in front that set X-Forwarded-For; 0: none is believed")
    refresh_token_seconds: int = setting(
        30 * DAY, "Absolute life of a login, however often refreshed"
    )
    key_publish_seconds: int = setting(
        900, "How long a new signing key is published before it signs"
    )
    key_rotation_seconds: int = setting(30 * DAY, "Age at which a signing key gets a successor")

    def problems(self) -> list[str]:
        """Return what is wrong with the values together."""
        found = super().problems()
        if bool(self.admin_email) != bool(self.admin_password):
            found.append("ADMIN_EMAIL and ADMIN_PASSWORD must be given together")
        elif self.admin_email:
            found += self._admin_problems()
        if not SHORTEST_MINIMUM <= self.password_min_length <= MAX_LENGTH:
            found.append(f"PASSWORD_MIN_LENGTH must be {SHORTEST_MINIMUM} to {MAX_LENGTH}")
        # Verifiers keep the key set for 300 s, and this service its own copy for 30 s.
        if self.key_publish_seconds < 330:
            found.append("KEY_PUBLISH_SECONDS must be at least 330")
        if self.key_rotation_seconds <= self.key_publish_seconds:
            found.append("KEY_ROTATION_SECONDS must be greater than KEY_PUBLISH_SECONDS")
        positive = ("hash_concurrency", "login_account_limit", "login_address_limit")
        found += [
            f"{name.upper()} must be at least 1" for name in positive if getattr(self, name) < 1
        ]
        if self.refresh_token_seconds < 900:
            found.append("REFRESH_TOKEN_SECONDS must be at least 900")
        if self.proxy_hops < 0:
            found.append("PROXY_HOPS must not be negative")
        return found

    def _admin_problems(self) -> list[str]:
        # Told at the start in one line, rather than by a migration that fails halfway.
        try:
            require_strong_password(
                self.admin_password,
                minimum=self.password_min_length,
                context=(canonical_email(self.admin_email),),
            )
        except (InvalidEmail, WeakPassword) as error:
            return [f"ADMIN_{e['field'].upper()} {e['message']}".rstrip(".") for e in error.errors]
        return []
