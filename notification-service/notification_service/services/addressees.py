"""Receivers as people write them, read and checked all together."""

from collections.abc import Sequence

from chassis.exceptions import FieldError
from notification_service.models.errors import ReceiversInvalid
from notification_service.models.receivers import (
    Channel,
    NotReachable,
    mail_address,
    mobile_number,
)
from notification_service.services.policy import Addressee, Policy


def read_receiver(policy: Policy, channel: Channel, text: str) -> str:
    """Return one receiver as messages keep it; raises NotReachable."""
    if channel is Channel.EMAIL:
        return mail_address(text)
    return mobile_number(text, policy.default_region, policy.regions)


def read_receivers(policy: Policy, channel: Channel, texts: Sequence[str]) -> list[Addressee]:
    """Return the addressees, each once; raises ReceiversInvalid naming all that are at fault.

    One bad number refuses all: otherwise who sends again would have to know who has got it.
    """
    errors: list[FieldError] = []
    found: dict[str, Addressee] = {}
    for index, text in enumerate(texts):
        try:
            receiver = read_receiver(policy, channel, text)
            found.setdefault(receiver.lower(), Addressee(receiver=receiver))
        except NotReachable as problem:
            errors.append({"field": f"receivers.{index}", "message": str(problem)})
    if errors:
        raise ReceiversInvalid(errors=errors)
    return list(found.values())
