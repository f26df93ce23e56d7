"""A template written out for people to look at."""

from collections.abc import Mapping
from dataclasses import dataclass

from notification_service.models.errors import ChannelNotOffered
from notification_service.models.receivers import Channel
from notification_service.models.segments import count_segments
from notification_service.services.content import write_message
from notification_service.services.policy import Policy
from notification_service.templates.params import check_params

_NOBODY = "nobody@example.com"


@dataclass(frozen=True)
class Preview:
    """The parts of a message, and what it would cost."""

    text: str
    subject: str | None = None
    html: str | None = None
    segments: int | None = None
    segments_in_china: int | None = None


def preview_template(
    policy: Policy, key: str, channel: Channel, locale: str | None, params: Mapping[str, str]
) -> Preview:
    """Write a template out, with examples for the values that are left out.

    Raises TemplateNotFound, ChannelNotOffered, ParamsInvalid.
    """
    template = policy.registry.get(key)
    if channel not in template.channels:
        raise ChannelNotOffered
    examples = {one.name: one.example for one in template.variables}
    values = check_params(template.variables, {**examples, **params})
    wanted = locale or policy.default_locale
    writing = write_message(policy, template, channel, wanted, values, _NOBODY)
    if writing.mail is not None:
        return Preview(writing.text, writing.mail.subject, writing.mail.html)
    return Preview(
        writing.text,
        segments=count_segments(writing.text),
        segments_in_china=count_segments(writing.text, "CN"),
    )
