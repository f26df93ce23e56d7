"""The order by itself: no database, no Flask."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from chassis.money import Money
from order_service.models import Order, OrderPayment
from order_service.models.errors import IllegalMove, ReservationMismatch
from order_service.models.lifecycle import OrderEvent
from order_service.models.lines import ReservedLine
from order_service.models.orders import Placement


def placed(*quantities: int, **fields: Any) -> Order:
    lines = {uuid4(): quantity for quantity in quantities}
    return Order.place(Placement(customer_id=uuid4(), lines=lines, **fields), ttl=60)


def reserved(order: Order, *prices: int) -> list[ReservedLine]:
    return [
        ReservedLine(
            product_id=line.product_id,
            sku="SKU",
            name="Thing",
            quantity=line.quantity,
            unit_price=price,
        )
        for line, price in zip(order.lines, prices, strict=True)
    ]


def test_a_new_order_is_pending_with_a_deadline(clock: Any) -> None:
    order = placed(1, 2)

    assert order.status == "pending"
    assert order.version == 1
    assert order.expires_at is not None
    assert timedelta(seconds=59) < order.expires_at - clock.now() <= timedelta(seconds=60)
    assert [line.position for line in order.lines] == [1, 2]


@pytest.mark.parametrize(
    ("quantities", "prices", "total"),
    [
        ((1,), (0,), 0),
        ((3,), (333,), 999),
        ((2, 1), (250, 999), 1499),
        ((1_000_000,), (9_000_000_000_000,), 9_000_000_000_000_000_000),
    ],
)
def test_the_total_is_the_sum_of_the_lines(
    quantities: tuple[int, ...], prices: tuple[int, ...], total: int
) -> None:
    order = placed(*quantities)

    order.price(reserved(order, *prices), "GBP")

    assert order.money == Money(total, "GBP")
    assert [line.line_total for line in order.lines] == [
        quantity * price for quantity, price in zip(quantities, prices, strict=True)
    ]


def test_a_reservation_of_other_quantities_is_refused() -> None:
    order = placed(2)
    lines = reserved(placed(3), 100)

    with pytest.raises(ReservationMismatch):
        order.price(lines, "GBP")

    assert order.money is None


def test_a_refused_command_changes_nothing() -> None:
    order = placed(1)

    with pytest.raises(IllegalMove) as refused:
        order.advance(OrderEvent.SHIP)

    assert refused.value.code == "orders.ship_refused"
    assert (order.status, order.version, len(order.timeline)) == ("pending", 1, 1)


def test_an_ignored_event_is_written_into_the_timeline() -> None:
    order = placed(1)

    order.advance(OrderEvent.PAYMENT_FAILED, {"code": "card_declined"})

    entry = order.timeline[-1]
    assert (entry.event, entry.outcome, entry.position) == ("payment_failed", "ignored", 2)
    assert (entry.from_status, entry.to_status) == ("pending", "pending")
    assert entry.detail == {"code": "card_declined"}


def test_a_closed_order_has_no_deadline() -> None:
    order = placed(1)

    order.advance(OrderEvent.CANCEL)

    assert (order.status, order.expires_at) == ("cancelled", None)


def test_only_an_accepted_payment_pays_for_the_order() -> None:
    order = placed(1)
    late = OrderPayment(id=uuid4(), amount=10, currency="GBP", promised=0, refunded=0)
    right = OrderPayment(id=uuid4(), amount=20, currency="GBP", promised=0, refunded=0)

    order.receive(late, accepted=False)
    assert (order.payment_id, order.accepted_payment) == (None, None)

    order.receive(right, accepted=True)
    assert (order.payment_id, order.accepted_payment) == (right.id, right)
    assert order.paid_amount == 30


def test_a_payment_knows_what_is_left_to_refund() -> None:
    payment = OrderPayment(amount=100, currency="GBP", promised=60, refunded=40)

    assert payment.refundable == 40
    assert not payment.fully_refunded


def test_the_expected_total_is_kept() -> None:
    order = placed(1, expected_total=Money(500, "EUR"))

    assert order.expected == Money(500, "EUR")
    assert isinstance(order.id, UUID)
