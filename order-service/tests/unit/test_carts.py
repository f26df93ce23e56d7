from uuid import uuid4

import pytest

from order_service.models import Cart
from order_service.models.errors import CartFull, NotInCart, QuantityTooLarge


def test_units_of_one_product_join_its_line() -> None:
    cart, product = Cart(customer_id=uuid4()), uuid4()

    cart.add(product, 2, max_lines=1)
    cart.add(product, 3, max_lines=1)

    assert [(item.product_id, item.quantity) for item in cart.items] == [(product, 5)]


def test_a_full_cart_takes_no_other_product() -> None:
    cart = Cart(customer_id=uuid4())
    cart.add(uuid4(), 1, max_lines=1)

    with pytest.raises(CartFull):
        cart.add(uuid4(), 1, max_lines=1)

    assert len(cart.items) == 1


def test_a_line_holds_a_million_units_at_most() -> None:
    cart, product = Cart(customer_id=uuid4()), uuid4()
    cart.add(product, 999_999, max_lines=1)

    with pytest.raises(QuantityTooLarge):
        cart.add(product, 2, max_lines=1)

    assert cart.items[0].quantity == 999_999


def test_what_is_not_in_the_cart_can_be_neither_changed_nor_removed() -> None:
    cart = Cart(customer_id=uuid4())

    with pytest.raises(NotInCart):
        cart.change(uuid4(), 1)
    with pytest.raises(NotInCart):
        cart.remove(uuid4())


def test_clearing_removes_every_line() -> None:
    cart = Cart(customer_id=uuid4())
    cart.add(uuid4(), 1, max_lines=5)
    cart.add(uuid4(), 1, max_lines=5)

    cart.clear()

    assert cart.items == []
