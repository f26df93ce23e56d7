"""What receivers want, and what keeps messages from them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast
from uuid import UUID

from sqlalchemy import Table, bindparam, func, or_, select
from sqlalchemy.orm import Session

from notification_service.models.contacts import Contact
from notification_service.models.messages import Category
from notification_service.models.preferences import Preference
from notification_service.models.receivers import Channel
from notification_service.models.suppressions import Suppression, scopes_against
from notification_service.services.policy import Addressee

SUPPRESSED, NOT_WANTED = "suppressed", "not_wanted"

# Built once, which costs more than running them.
_suppression = cast(Table, Suppression.__table__).c
_BLOCKED = select(_suppression.receiver, _suppression.reason).where(
    _suppression.channel == bindparam("channel"),
    _suppression.receiver.in_(bindparam("keys", expanding=True)),
    _suppression.scope.in_(bindparam("scopes", expanding=True)),
)
_ADDRESSES = {Channel.SMS: Contact.phone, Channel.EMAIL: func.lower(Contact.email)}
_OWNERS = {
    channel: select(Contact.user_id, address, Preference)
    .outerjoin(Preference, Preference.user_id == Contact.user_id)
    .where(
        or_(
            address.in_(bindparam("keys", expanding=True)),
            Contact.user_id.in_(bindparam("users", expanding=True)),
        )
    )
    for channel, address in _ADDRESSES.items()
}


@dataclass(frozen=True)
class Wishes:
    """What is known of the addressees of one submission.

    suppressed: reasons by receiver in lower case. unwanted: receivers in lower case whose owner, or
    one of whose owners, chose not to hear such things.
    """

    suppressed: dict[str, str]
    unwanted: frozenset[str]
    preferences: dict[UUID, Preference] = field(default_factory=dict)
    by_receiver: dict[str, Preference] = field(default_factory=dict)

    def against(self, addressee: Addressee, *, insist: bool) -> tuple[str, str] | None:
        """Return the kind and code of what keeps the message from the addressee, or None.

        insist: whatever the addressee chose.
        """
        key = addressee.receiver.lower()
        if key in self.suppressed:
            return SUPPRESSED, self.suppressed[key]
        return (NOT_WANTED, NOT_WANTED) if key in self.unwanted and not insist else None

    def locale(self, addressee: Addressee) -> str | None:
        """Return the language that the addressee chose, or is known to read."""
        chosen = self._preference(addressee)
        return (chosen.locale if chosen else None) or addressee.locale

    def time_zone(self, addressee: Addressee) -> str | None:
        """Return where the addressee's clock stands."""
        chosen = self._preference(addressee)
        return (chosen.time_zone if chosen else None) or addressee.time_zone

    def _preference(self, addressee: Addressee) -> Preference | None:
        if addressee.user_id is not None and addressee.user_id in self.preferences:
            return self.preferences[addressee.user_id]
        return self.by_receiver.get(addressee.receiver.lower())


def read_wishes(
    session: Session, channel: Channel, category: Category, addressees: Sequence[Addressee]
) -> Wishes:
    """Read suppressions and preferences of all addressees in two statements."""
    keys = {one.receiver.lower() for one in addressees}
    blocked = session.execute(
        _BLOCKED, {"channel": channel, "keys": list(keys), "scopes": scopes_against(category)}
    )
    suppressed = {row.receiver: row.reason for row in blocked}
    users = {one.user_id for one in addressees if one.user_id is not None}
    owners = session.execute(_OWNERS[channel], {"keys": list(keys), "users": list(users)})
    preferences, by_receiver, unwanted = {}, {}, set()
    for user_id, receiver, found in owners:
        preference = found or Preference(user_id=user_id)
        preferences[user_id] = preference
        if receiver in keys:
            by_receiver[receiver] = preference
            if preference.refuses(channel, category):
                unwanted.add(receiver)
    return Wishes(suppressed, frozenset(unwanted), preferences, by_receiver)
