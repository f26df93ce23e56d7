"""Tables, states and rules of messages; a module of its own for each aggregate."""

from notification_service.models.contacts import Contact, WaitingNews
from notification_service.models.messages import Attempt, Message
from notification_service.models.orders import KnownOrder
from notification_service.models.preferences import Preference
from notification_service.models.receipts import StoredReceipt
from notification_service.models.shown import ShownMessage
from notification_service.models.suppressions import Suppression

__all__ = [
    "Attempt",
    "Contact",
    "KnownOrder",
    "Message",
    "Preference",
    "ShownMessage",
    "StoredReceipt",
    "Suppression",
    "WaitingNews",
]
