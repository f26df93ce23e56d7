"""The data of every event that order-service publishes; contracts/events/ holds the schemas."""

from collections.abc import Callable
from typing import Any

from chassis.money import Money
from order_service.models import Order, Refund

Detail = dict[str, Any]


def _placed(order: Order, _detail: Detail) -> dict[str, Any]:
    expected = order.expected
    return {
        **_whose(order),
        "items": [
            {"product_id": str(line.product_id), "quantity": line.quantity} for line in order.lines
        ],
        "expected_total": _money(expected) if expected else None,
    }


def _awaiting_payment(order: Order, _detail: Detail) -> dict[str, Any]:
    assert order.money is not None and order.expires_at is not None
    return {**_whose(order), **_money(order.money), "expires_at": order.expires_at.isoformat()}


def _rejected(order: Order, detail: Detail) -> dict[str, Any]:
    return {**_called(order), "reason": detail["reason"], "items": detail["items"]}


def _paid(order: Order, _detail: Detail) -> dict[str, Any]:
    assert order.money is not None
    return {**_called(order), "payment_id": str(order.payment_id), **_money(order.money)}


def _cancelled(order: Order, detail: Detail) -> dict[str, Any]:
    # The customer's own words stay in the order: an event tells others no more than they need.
    return {**_called(order), "reason": detail["cause"]}


def _expired(order: Order, _detail: Detail) -> dict[str, Any]:
    return _called(order)


def _only_whose(order: Order, _detail: Detail) -> dict[str, Any]:
    return _whose(order)


def _shipped(order: Order, _detail: Detail) -> dict[str, Any]:
    return {
        **_called(order),
        "carrier": order.carrier,
        "tracking_number": order.tracking_number,
    }


def refund_requested(refund: Refund) -> dict[str, Any]:
    """Return the data of `refund.requested.v1`."""
    return {
        "refund_id": str(refund.id),
        "order_id": str(refund.order_id),
        "payment_id": str(refund.payment_id),
        "amount": refund.amount,
        "currency": refund.currency,
        "reason": refund.reason,
    }


def _whose(order: Order) -> dict[str, Any]:
    return {"order_id": str(order.id), "customer_id": str(order.customer_id)}


def _called(order: Order) -> dict[str, Any]:
    # For what its customer is told of.
    return {**_whose(order), "number": order.number}


def _money(money: Money) -> dict[str, Any]:
    return {"amount": money.amount, "currency": money.currency}


ORDER_EVENTS: dict[str, Callable[[Order, Detail], dict[str, Any]]] = {
    "order.placed.v1": _placed,
    "order.awaiting_payment.v1": _awaiting_payment,
    "order.rejected.v1": _rejected,
    "order.paid.v1": _paid,
    "order.cancelled.v1": _cancelled,
    "order.expired.v1": _expired,
    "order.shipped.v1": _shipped,
    "order.delivered.v1": _only_whose,
}
REFUND_REQUESTED = "refund.requested.v1"
