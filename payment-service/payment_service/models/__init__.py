from payment_service.models.ledger import LedgerEntry
from payment_service.models.operations import Attempt, Operation
from payment_service.models.payables import Payable
from payment_service.models.payments import Payment
from payment_service.models.refunds import Refund
from payment_service.models.webhooks import ReceivedWebhook

__all__ = [
    "Attempt",
    "LedgerEntry",
    "Operation",
    "Payable",
    "Payment",
    "ReceivedWebhook",
    "Refund",
]
