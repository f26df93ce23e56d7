"""Whether an order can have what it wants, and at which price; all of it or nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from chassis.money import Money
from product_service.models.reservations import RejectionReason


class AgreedTotal(NamedTuple):
    """What the customer was told an order costs; not `Money`, because it comes unchecked."""

    amount: int
    currency: str


@dataclass(frozen=True)
class Offer:
    """What a product is sold for now, and how many units nobody has reserved."""

    product_id: UUID
    sku: str
    name: str
    unit_price: int
    currency: str
    sellable: bool
    available: int


@dataclass(frozen=True)
class QuotedLine:
    """One product of an order, priced; amounts in minor units of the quote's currency."""

    offer: Offer
    quantity: int

    @property
    def line_total(self) -> int:
        """Return quantity times unit price."""
        return self.quantity * self.offer.unit_price


@dataclass(frozen=True)
class Quote:
    """An order that can be served in full."""

    currency: str
    lines: tuple[QuotedLine, ...]

    @property
    def total(self) -> Money:
        """Return what the order costs."""
        return Money(sum(line.line_total for line in self.lines), self.currency)


@dataclass(frozen=True)
class Shortage:
    """A product of which an order wants more than there is."""

    product_id: UUID
    requested: int
    available: int


@dataclass(frozen=True)
class Refusal:
    """An order that gets nothing, why, and which of its products are the reason."""

    reason: RejectionReason
    items: tuple[Shortage, ...] = ()


def merge_quantities(items: Sequence[tuple[UUID, int]]) -> dict[UUID, int]:
    """Add up the quantities of products that an order names twice; order kept."""
    wanted: dict[UUID, int] = {}
    for product_id, quantity in items:
        wanted[product_id] = wanted.get(product_id, 0) + quantity
    return wanted


def quote(
    wanted: Mapping[UUID, int], offers: Mapping[UUID, Offer], expected: AgreedTotal | None
) -> Quote | Refusal:
    """Price an order, or refuse it for the first reason that holds.

    wanted: units by product. offers: what is known of them, read under lock.
    expected: the total that the customer agreed to; another one refuses the order.
    """
    unknown = [product_id for product_id in wanted if product_id not in offers]
    if unknown:
        items = tuple(Shortage(product_id, wanted[product_id], 0) for product_id in unknown)
        return Refusal(RejectionReason.UNKNOWN_PRODUCT, items)
    lines = tuple(QuotedLine(offers[product_id], units) for product_id, units in wanted.items())
    unsellable = [line for line in lines if not line.offer.sellable]
    if unsellable:
        return Refusal(RejectionReason.NOT_SELLABLE, _shortages(unsellable))
    if len({line.offer.currency for line in lines}) > 1:
        return Refusal(RejectionReason.CURRENCY_MIX, _shortages(lines))
    short = [line for line in lines if line.quantity > line.offer.available]
    if short:
        return Refusal(RejectionReason.OUT_OF_STOCK, _shortages(short))
    quoted = Quote(lines[0].offer.currency, lines)
    total = quoted.total
    if expected is not None and (total.amount, total.currency) != expected:
        return Refusal(RejectionReason.PRICE_CHANGED)
    return quoted


def _shortages(lines: Sequence[QuotedLine]) -> tuple[Shortage, ...]:
    return tuple(
        Shortage(line.offer.product_id, line.quantity, line.offer.available) for line in lines
    )
