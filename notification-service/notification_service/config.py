from collections.abc import Iterator
from dataclasses import dataclass, fields

from phonenumbers import SUPPORTED_REGIONS

from chassis.config import ServiceConfig, setting
from notification_service.mail import load_transport
from notification_service.mail.settings import MailSettings
from notification_service.models.quiet_hours import QuietHours
from notification_service.providers import load_providers
from notification_service.providers.settings import ProviderSettings
from notification_service.templates.registry import LOCALES, Registry


@dataclass(frozen=True, kw_only=True)
class Config(ProviderSettings, MailSettings, ServiceConfig):
    """Settings of notification-service beside those that every service has."""

    sms_providers: tuple[str, ...] = setting(
        ("notification_service.providers.console:ConsoleProvider",),
        "SMS providers as dotted paths, the preferred one first",
    )
    shop_name: str = setting("Platform", "How the shop calls itself in messages")
    public_url: str = setting("http://127.0.0.1:5000", "Where customers reach the gateway")
    default_locale: str = setting("en", "Language of those who chose none: `en` or `zh-CN`")
    templates_path: str = setting(
        "", "Folder whose templates replace or join ours, and map them to providers"
    )
    sms_default_region: str = setting(
        "", "Country (ISO 3166) of numbers without `+`; empty: such numbers are refused"
    )
    sms_regions: tuple[str, ...] = setting((), "Countries that may get SMS; empty: all")
    sms_daily_budget: int = setting(0, "SMS in 24 hours to all numbers together; 0: no limit")
    quiet_hours: str = setting("22:00-08:00", "When no marketing is sent; empty: never")
    quiet_zone: str = setting("UTC", "Time zone of the quiet hours of those who chose none")
    receipt_secret: str = setting(
        "", "Key of the secret in receipt URLs; empty: `SECRET_KEY`", secret=True
    )
    event_threads: int = setting(
        4, "Events that a worker handles at the same time; those of one subject in their order"
    )
    delivery_threads: int = setting(16, "Messages that a worker sends at the same time")
    delivery_poll: float = setting(0.05, "Seconds between two looks for messages to send")
    delivery_lease: float = setting(
        45.0, "Seconds after which a message that no worker finished counts as `unknown`"
    )
    delivery_lookup_interval: float = setting(
        5.0, "Seconds until the first question about an unknown message; then doubled"
    )
    delivery_unseen_grace: float = setting(
        60.0, "Seconds after which a message that the provider has never seen is sent again"
    )
    notice_ttl: float = setting(86400.0, "Seconds in which a message must go out")
    body_ttl: float = setting(604800.0, "Seconds that the content of a message is kept")

    def problems(self) -> list[str]:
        """Return what is wrong with the values together."""
        found = super().problems()
        if self.default_locale not in LOCALES:
            found.append(f"DEFAULT_LOCALE must be one of {', '.join(LOCALES)}")
        if not self.public_url.startswith(("http://", "https://")):
            found.append("PUBLIC_URL must start with http:// or https://")
        if self.delivery_threads < 1:
            found.append("DELIVERY_THREADS must be at least 1")
        calls = {
            "SMS_CONNECT_TIMEOUT and SMS_READ_TIMEOUT": self.sms_connect_timeout
            + self.sms_read_timeout,
            "SMTP_TIMEOUT and SMTP_DATA_TIMEOUT": self.smtp_timeout + self.smtp_data_timeout,
        }
        for names, seconds in calls.items():
            # A call that is still under way would be taken for one whose worker has died.
            if self.delivery_lease <= seconds:
                found.append(f"DELIVERY_LEASE must be longer than {names} together")
        for name in ("sms_default_region", "sms_regions"):
            value = getattr(self, name)
            regions = (value,) if isinstance(value, str) and value else tuple(value)
            if not set(regions) <= SUPPORTED_REGIONS:
                found.append(f"{name.upper()} must be ISO 3166 codes of countries, such as GB")
        return [*found, *self._unusable()]

    def _unusable(self) -> Iterator[str]:
        """Yield what cannot be loaded with these settings; opens no connection."""
        try:
            QuietHours.parse(self.quiet_hours, self.quiet_zone)
        except ValueError as error:
            yield f"QUIET_HOURS and QUIET_ZONE: {error}"
        try:
            Registry.load(self.templates_path)
        except (ValueError, OSError) as error:
            yield f"TEMPLATES_PATH: {error}"
        if not self.sms_providers:
            yield "SMS_PROVIDERS must name at least one provider"
        try:
            load_providers(self.sms_providers, self.environment())
        except ValueError as error:
            yield f"SMS_PROVIDERS: {error}"
        try:
            load_transport(self.mail_transport, self.environment())
        except ValueError as error:
            yield f"MAIL_TRANSPORT: {error}"

    def environment(self) -> dict[str, str]:
        """Return the settings as text by the names of their variables, as providers read them."""
        return {
            spec.name.upper(): str(getattr(self, spec.name))
            for spec in fields(self)
            if getattr(self, spec.name) not in ("", ())
        }
