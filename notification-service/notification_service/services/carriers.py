"""One way to send for both channels: what a worker holds, and who takes it."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from chassis.circuit_breaker import CircuitBreaker
from notification_service.mail.compose import compose
from notification_service.mail.port import Mail, MailTransport
from notification_service.models.receivers import Channel, region_of
from notification_service.models.segments import count_segments
from notification_service.providers.port import NotSupported, Receipt, Sms, SmsProvider, Submitted
from notification_service.services.content import Writing, open_params, write_message
from notification_service.services.policy import Policy
from notification_service.templates.registry import Template

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """A message in a worker's hands. claimed_until: its lease, by which the claim is known."""

    id: UUID
    channel: Channel
    receiver: str
    template: str
    locale: str
    sealed: str | None
    tries: int
    lookups: int
    refused_by: Sequence[str]
    provider: str | None
    provider_id: str | None
    submitted_at: datetime | None
    expires_at: datetime
    claimed_until: datetime


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A parcel written out. headers: of a mail, for the development inbox."""

    parcel: Parcel
    template: Template
    params: Mapping[str, str]
    writing: Writing


def write_letter(policy: Policy, parcel: Parcel) -> Letter:
    """Write a parcel out; raises ValueError, TemplateNotFound where that is not possible now."""
    if parcel.sealed is None:
        raise ValueError("the content is gone")
    template = policy.registry.get(parcel.template)
    params = open_params(policy, parcel.sealed)
    writing = write_message(
        policy, template, parcel.channel, parcel.locale, params, parcel.receiver
    )
    return Letter(parcel=parcel, template=template, params=params, writing=writing)


@dataclass(frozen=True)
class Handed:
    """A message that was taken, and how the inbox shows it. headers: of a mail."""

    submitted: Submitted
    headers: Sequence[tuple[str, str]] = ()


class Carrier(Protocol):
    """Who takes messages of one channel."""

    name: str
    channel: Channel
    breaker: CircuitBreaker

    def send(self, letter: Letter) -> Handed:
        """Hand it over, once; raises ProviderError."""
        ...

    def look_up(self, letter: Letter) -> Receipt | None:
        """Ask what became of it; see `SmsProvider.look_up`."""
        ...


class SmsCarrier:
    """An SMS provider."""

    channel = Channel.SMS

    def __init__(self, provider: SmsProvider) -> None:
        self.name, self._provider = provider.name, provider
        self.breaker = CircuitBreaker(reset_after=10.0)

    def send(self, letter: Letter) -> Handed:
        """Hand it over; segments are counted here where the provider does not."""
        sms = self._sms(letter)
        submitted = self._provider.send(sms)
        segments = submitted.segments or count_segments(sms.text, region_of(sms.to))
        return Handed(Submitted(submitted.provider_id, segments, submitted.state))

    def look_up(self, letter: Letter) -> Receipt | None:
        """Ask the provider; raises ValueError for a message that was never submitted."""
        parcel = letter.parcel
        if parcel.submitted_at is None:
            # Any time put in its place could make a provider "certain" of never having got it.
            raise ValueError("the time of the call is not known")
        return self._provider.look_up(self._sms(letter), parcel.provider_id, parcel.submitted_at)

    def _sms(self, letter: Letter) -> Sms:
        return Sms(
            id=letter.parcel.id,
            to=letter.parcel.receiver,
            text=letter.writing.text,
            template=letter.template.at_provider(self.name, letter.parcel.locale),
            params=letter.params,
        )


class MailCarrier:
    """A mail transport."""

    channel = Channel.EMAIL

    def __init__(self, transport: MailTransport, policy: Policy) -> None:
        self.name, self._transport, self._policy = transport.name, transport, policy
        self.breaker = CircuitBreaker(reset_after=10.0)

    def send(self, letter: Letter) -> Handed:
        """Compose the mail and hand it over."""
        rendered = letter.writing.mail
        assert rendered is not None
        message = compose(
            Mail(
                id=letter.parcel.id,
                sender=self._policy.sender,
                sender_name=self._policy.shop,
                reply_to=self._policy.reply_to,
                to=letter.parcel.receiver,
                subject=rendered.subject,
                text=rendered.text,
                html=rendered.html,
                unsubscribe=letter.writing.unsubscribe,
            )
        )
        headers: list[Any] = [(name, str(value)) for name, value in message.items()]
        return Handed(self._transport.send(letter.parcel.receiver, message), headers)

    def look_up(self, letter: Letter) -> Receipt | None:
        """Refuse: SMTP has no question about a mail that was handed over."""
        raise NotSupported


class Carriers:
    """All carriers, those of a channel in the order of preference."""

    def __init__(self, carriers: Sequence[Carrier]) -> None:
        self._carriers = carriers

    def of(self, channel: Channel) -> list[Carrier]:
        """Return the carriers of a channel."""
        return [one for one in self._carriers if one.channel is channel]

    def named(self, channel: Channel, name: str | None) -> Carrier | None:
        """Return the carrier that had a message; None when it is no longer configured."""
        return next((one for one in self.of(channel) if one.name == name), None)
