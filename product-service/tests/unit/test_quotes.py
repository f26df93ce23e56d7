"""Pricing an order, and the order of the reasons to refuse it."""

from uuid import UUID

import pytest

from product_service.models.quotes import (
    AgreedTotal,
    Offer,
    Quote,
    Refusal,
    Shortage,
    merge_quantities,
    quote,
)

A, B, C = (UUID(int=number) for number in (1, 2, 3))


def offer(product_id, *, price=100, currency="GBP", sellable=True, available=10):
    return Offer(
        product_id=product_id,
        sku=f"SKU-{product_id.int}",
        name="Cup",
        unit_price=price,
        currency=currency,
        sellable=sellable,
        available=available,
    )


def offers(*given):
    return {entry.product_id: entry for entry in given}


def test_a_quote_prices_every_line():
    answer = quote({A: 2, B: 3}, offers(offer(A), offer(B, price=7)), None)
    assert isinstance(answer, Quote)
    assert [(line.quantity, line.line_total) for line in answer.lines] == [(2, 200), (3, 21)]
    assert (answer.total.amount, answer.total.currency) == (221, "GBP")


@pytest.mark.parametrize(
    ("wanted", "known", "expected", "refusal"),
    [
        ({A: 1, B: 2}, offers(offer(A)), None, Refusal("unknown_product", (Shortage(B, 2, 0),))),
        (
            {A: 1, B: 99},
            offers(offer(A, sellable=False), offer(B, currency="EUR")),
            None,
            Refusal("not_sellable", (Shortage(A, 1, 10),)),
        ),
        (
            {A: 1, B: 99},
            offers(offer(A), offer(B, currency="EUR")),
            None,
            Refusal("currency_mix", (Shortage(A, 1, 10), Shortage(B, 99, 10))),
        ),
        (
            {A: 11, B: 10, C: 99},
            offers(offer(A), offer(B), offer(C, available=0)),
            AgreedTotal(1, "GBP"),
            Refusal("out_of_stock", (Shortage(A, 11, 10), Shortage(C, 99, 0))),
        ),
        ({A: 1}, offers(offer(A)), AgreedTotal(99, "GBP"), Refusal("price_changed")),
        ({A: 1}, offers(offer(A)), AgreedTotal(100, "EUR"), Refusal("price_changed")),
    ],
)
def test_an_order_is_refused_for_the_first_reason_that_holds(wanted, known, expected, refusal):
    assert quote(wanted, known, expected) == refusal


def test_the_agreed_total_is_met_exactly():
    assert isinstance(quote({A: 1}, offers(offer(A)), AgreedTotal(100, "GBP")), Quote)


def test_quantities_of_one_product_are_added_up_in_the_order_they_came():
    assert list(merge_quantities([(B, 1), (A, 2), (B, 3)]).items()) == [(B, 4), (A, 2)]
