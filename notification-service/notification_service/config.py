from dataclasses import dataclass, fields

from chassis.config import ServiceConfig, setting
from notification_service.models.quiet_hours import QuietHours
from notification_service.providers.settings import ProviderSettings


@dataclass(frozen=True, kw_only=True)
class Config(ProviderSettings, ServiceConfig):
    """Settings of notification-service beside those that every service has."""

    sms_providers: tuple[str, ...] = setting(
        ("notification_service.providers.console:ConsoleProvider",),
        "SMS providers as dotted paths, the preferred one first",
    )
    mail_transport: str = setting(
        "notification_service.mail.console:ConsoleMail", "Dotted path of the mail transport"
    )
    mail_from: str = setting("shop@example.com", "Sender of mails")
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
    delivery_threads: int = setting(16, "Messages that a worker sends at the same time")
    delivery_poll: float = setting(0.05, "Seconds between two looks for messages to send")
    delivery_lease: float = setting(
        30.0, "Seconds after which a message that no worker finished counts as `unknown`"
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
        if self.default_locale not in ("en", "zh-CN"):
            found.append("DEFAULT_LOCALE must be en or zh-CN")
        try:
            QuietHours.parse(self.quiet_hours, self.quiet_zone)
        except ValueError as error:
            found.append(f"QUIET_HOURS and QUIET_ZONE: {error}")
        if not self.sms_providers:
            found.append("SMS_PROVIDERS must name at least one provider")
        if self.delivery_threads < 1:
            found.append("DELIVERY_THREADS must be at least 1")
        return found

    def environment(self) -> dict[str, str]:
        """Return the settings as text by the names of their variables, as providers read them."""
        return {
            spec.name.upper(): str(getattr(self, spec.name))
            for spec in fields(self)
            if getattr(self, spec.name) not in ("", ())
        }
