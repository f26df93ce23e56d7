"""What use cases are given, made once for each app when it is first asked for."""

from collections.abc import Callable
from typing import TypeVar, cast

from flask import Flask, current_app

from notification_service.config import Config
from notification_service.mail import load_transport
from notification_service.mail.port import MailTransport
from notification_service.providers import load_providers
from notification_service.providers.port import SmsProvider
from notification_service.services.carriers import Carrier, Carriers, MailCarrier, SmsCarrier
from notification_service.services.policy import Policy

T = TypeVar("T")

POLICY, PROVIDERS, MAIL = "notifications.policy", "notifications.sms", "notifications.mail"


def _once(app: Flask | None, name: str, make: Callable[[Config], T]) -> T:
    found = app or current_app
    if name not in found.extensions:
        found.extensions[name] = make(found.config["SETTINGS"])
    return cast(T, found.extensions[name])


def policy(app: Flask | None = None) -> Policy:
    """Return the app's policy; None: the current app's."""
    return _once(app, POLICY, Policy.from_config)


def providers(app: Flask | None = None) -> list[SmsProvider]:
    """Return the SMS providers, the preferred one first."""
    return _once(app, PROVIDERS, lambda c: load_providers(c.sms_providers, c.environment()))


def mail_transport(app: Flask | None = None) -> MailTransport:
    """Return what takes mails."""
    return _once(app, MAIL, lambda c: load_transport(c.mail_transport, c.environment()))


def carriers(app: Flask | None = None) -> Carriers:
    """Return everything that can send, with new breakers."""
    sms: list[Carrier] = [SmsCarrier(provider) for provider in providers(app)]
    return Carriers([*sms, MailCarrier(mail_transport(app), policy(app))])
