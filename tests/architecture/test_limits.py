"""Limits of one service that another one's arithmetic rests on."""

from chassis.schemas import BIGINT_MAX
from order_service.models.carts import MAX_QUANTITY
from order_service.models.orders import MAX_LINES
from product_service.schemas.products import MOST_AMOUNT


def test_the_total_of_the_largest_order_fits_into_a_bigint() -> None:
    assert MAX_LINES * MAX_QUANTITY * MOST_AMOUNT <= BIGINT_MAX
