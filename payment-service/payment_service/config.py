from dataclasses import dataclass

from chassis.config import ServiceConfig, setting

SANDBOX = "payment_service.providers.sandbox.SandboxProvider"


@dataclass(frozen=True, kw_only=True)
class Config(ServiceConfig):
    """Settings of payment-service beside those that every service has."""

    payment_provider: str = setting(SANDBOX, "Dotted path of the payment provider's class")
    payment_provider_timeout: float = setting(5.0, "Seconds that a call to the provider may take")
    payment_lease: float = setting(
        15.0, "Seconds after which an operation that no worker finished is looked up"
    )
    payment_unknown_grace: float = setting(
        30.0, "Seconds until a charge that the provider does not know is given up"
    )
    payment_lookup_interval: float = setting(
        2.0, "Seconds between two questions about an operation without a known outcome"
    )
    payment_retry_limit: int = setting(8, "Calls of one operation that may fail to get through")
    sandbox_slow_seconds: float = setting(2.0, "Seconds that the sandbox takes for `tok_slow`")
    sandbox_webhook_secret: str = setting(
        doc="Key of the signatures on the sandbox's webhooks",
        secret=True,
        development="sandbox-webhook-secret-of-development",
    )
    webhook_tolerance: int = setting(300, "Seconds that a webhook's time may be off")

    def problems(self) -> list[str]:
        """Return what is wrong with the values together."""
        found = super().problems()
        if self.payment_lease <= self.payment_provider_timeout:
            # A call that is still under way would be taken for one whose worker has died.
            found.append("PAYMENT_LEASE must be longer than PAYMENT_PROVIDER_TIMEOUT")
        if self.payment_unknown_grace < self.payment_lease:
            found.append("PAYMENT_UNKNOWN_GRACE must not be shorter than PAYMENT_LEASE")
        return found
