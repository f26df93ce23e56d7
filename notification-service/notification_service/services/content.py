"""What a message says: sealed while it waits, written out when it goes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chassis.sealing import seal, unseal
from notification_service.models.messages import Category
from notification_service.models.receivers import Channel
from notification_service.services.policy import Policy
from notification_service.templates.registry import Template
from notification_service.templates.rendering import RenderedMail, render_mail, render_sms

_PURPOSE = "notifications.content"


def seal_params(policy: Policy, params: Mapping[str, str]) -> str:
    """Return the values as the messages table keeps them."""
    return seal(json.dumps(params, ensure_ascii=False), policy.secret, purpose=_PURPOSE)


def open_params(policy: Policy, sealed: str) -> dict[str, str]:
    """Return the values of a message; raises ValueError after `SECRET_KEY` was replaced."""
    params: dict[str, Any] = json.loads(unseal(sealed, policy.secret, purpose=_PURPOSE))
    return {name: str(value) for name, value in params.items()}


@dataclass(frozen=True)
class Writing:
    """A message written out; `mail` is None for an SMS."""

    text: str
    mail: RenderedMail | None = None
    unsubscribe: str = ""


def write_message(
    policy: Policy,
    template: Template,
    channel: Channel,
    locale: str,
    params: Mapping[str, str],
    receiver: str,
) -> Writing:
    """Write a message out in one language."""
    locale = template.locale_for(locale, policy.default_locale)
    if channel is Channel.SMS:
        return Writing(render_sms(template, locale, params, policy.around()))
    # Whoever gets what they asked for cannot be spared it: only marketing has the link.
    marketing = template.category is Category.MARKETING
    unsubscribe = policy.unsubscribe_url(channel, receiver) if marketing else ""
    mail = render_mail(template, locale, params, policy.around(unsubscribe))
    return Writing(mail.text, mail, unsubscribe)
