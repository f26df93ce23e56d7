"""What the settings mean for use cases."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from chassis.sealing import seal
from notification_service.config import Config
from notification_service.models.quiet_hours import QuietHours
from notification_service.templates.registry import Registry
from notification_service.templates.rendering import Surroundings

UNSUBSCRIBE = "notifications.unsubscribe"


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Made once for each app; see the settings of the same names."""

    registry: Registry
    secret: str
    shop: str
    sender: str
    reply_to: str
    url: str
    default_locale: str
    default_region: str
    regions: tuple[str, ...]
    quiet_hours: QuietHours | None
    daily_budget: int
    notice_ttl: timedelta
    body_ttl: timedelta
    # Whether the development inbox is there.
    shows: bool

    @classmethod
    def from_config(cls, config: Config) -> "Policy":
        """Read the templates and the settings."""
        return cls(
            registry=Registry.load(config.templates_path),
            secret=config.secret_key,
            shop=config.shop_name,
            sender=config.mail_from,
            reply_to=config.mail_reply_to,
            url=config.public_url.rstrip("/"),
            default_locale=config.default_locale,
            default_region=config.sms_default_region,
            regions=config.sms_regions,
            quiet_hours=QuietHours.parse(config.quiet_hours, config.quiet_zone),
            daily_budget=config.sms_daily_budget,
            notice_ttl=timedelta(seconds=config.notice_ttl),
            body_ttl=timedelta(seconds=config.body_ttl),
            shows=not config.production,
        )

    def unsubscribe_url(self, channel: str, receiver: str) -> str:
        """Return a link that only the receiver of the message has."""
        link = seal(f"{channel}:{receiver}", self.secret, purpose=UNSUBSCRIBE)
        return f"{self.url}/api/notifications/unsubscribe/{link}"

    def around(self, unsubscribe: str = "") -> Surroundings:
        """Return what all templates may name."""
        return Surroundings(self.shop, self.url, unsubscribe)


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How long to wait for what while delivering."""

    lease: timedelta = timedelta(seconds=45)
    lookup_interval: timedelta = timedelta(seconds=5)
    unseen_grace: timedelta = timedelta(seconds=60)
    most_tries: int = 20

    @classmethod
    def from_config(cls, config: Config) -> "Timing":
        """Read the settings."""
        return cls(
            lease=timedelta(seconds=config.delivery_lease),
            lookup_interval=timedelta(seconds=config.delivery_lookup_interval),
            unseen_grace=timedelta(seconds=config.delivery_unseen_grace),
        )


@dataclass(frozen=True, kw_only=True)
class Addressee:
    """One receiver of a submission; what is None is not known."""

    receiver: str
    user_id: UUID | None = None
    locale: str | None = None
    time_zone: str | None = None
