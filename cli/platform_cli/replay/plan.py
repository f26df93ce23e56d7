"""What to do with the lines: goods to offer, customers to register, invoices to place or refund."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from platform_cli.replay.rows import Line, Unusable


@dataclass(frozen=True)
class Goods:
    """A product to offer. price: minor units; demand: the units that all invoices want."""

    sku: str
    name: str
    price: int
    demand: int


@dataclass(frozen=True)
class Refund:
    """A part of a cancellation: `amount` minor units of the order of `invoice`."""

    invoice: str
    amount: int


@dataclass
class Invoice:
    """One invoice of the file. wanted: units by SKU. reason: why it cannot be carried out."""

    number: str
    customer: str
    at: datetime
    wanted: Counter[str] = field(default_factory=Counter)
    refunds: list[Refund] = field(default_factory=list)
    reason: str = ""

    @property
    def cancels(self) -> bool:
        """Tell whether it is a cancellation."""
        return self.number.startswith("C")


@dataclass(frozen=True)
class Plan:
    """Everything to replay, in the file's order, and the count of unusable lines by reason."""

    goods: dict[str, Goods]
    invoices: list[Invoice]
    unusable: Counter[str]
    lines: int


def make_plan(lines: Iterable[Line | Unusable]) -> Plan:
    """Group the lines. An invoice none of whose lines can be used stays, with the reason."""
    unusable: Counter[str] = Counter()
    why: dict[str, str] = {}
    usable: list[Line] = []
    for line in lines:
        if isinstance(line, Unusable):
            unusable[line.reason] += 1
            why.setdefault(line.invoice, line.reason)
        else:
            usable.append(line)
    skus = _skus(usable)
    invoices = _invoices(usable, skus)
    for number, reason in why.items():
        if number not in invoices:
            invoices[number] = Invoice(number, "", datetime.min, reason=reason)
    _match_cancellations(usable, skus, invoices)
    goods = _goods(usable, skus)
    return Plan(goods, list(invoices.values()), unusable, len(usable) + unusable.total())


def _skus(lines: list[Line]) -> dict[tuple[str, int], str]:
    """Give each (code, price) a SKU: the shop sold the same goods at several prices in one day."""
    skus: dict[tuple[str, int], str] = {}
    seen: set[str] = set()
    for line in lines:
        key = (line.code, line.price)
        if key not in skus:
            skus[key] = line.code if line.code not in seen else f"{line.code}-{line.price}"
            seen.add(line.code)
    return skus


def _goods(lines: list[Line], skus: dict[tuple[str, int], str]) -> dict[str, Goods]:
    demand: Counter[str] = Counter()
    first: dict[str, Line] = {}
    for line in lines:
        sku = skus[line.code, line.price]
        first.setdefault(sku, line)
        demand[sku] += max(line.quantity, 0)
    return {
        sku: Goods(sku, line.description, line.price, demand[sku]) for sku, line in first.items()
    }


def _invoices(lines: list[Line], skus: dict[tuple[str, int], str]) -> dict[str, Invoice]:
    invoices: dict[str, Invoice] = {}
    for line in lines:
        # Nobody knows who the unnamed buyers were; each of their invoices gets a guest of its own.
        customer = line.customer or f"guest-{line.invoice}"
        invoice = invoices.setdefault(line.invoice, Invoice(line.invoice, customer, line.at))
        invoice.wanted[skus[line.code, line.price]] += abs(line.quantity)
    return invoices


@dataclass
class _Purchase:
    """What a customer bought on one invoice and has not sent back."""

    invoice: str
    left: int
    at: datetime


def _match_cancellations(
    lines: list[Line], skus: dict[tuple[str, int], str], invoices: dict[str, Invoice]
) -> None:
    """Find for each cancelled line the customer's earlier invoice with enough units left."""
    bought: dict[tuple[str, str], list[_Purchase]] = {}
    amounts: dict[str, Counter[str]] = {}
    for line in lines:
        of_customer = (line.customer or f"guest-{line.invoice}", skus[line.code, line.price])
        if not line.cancels:
            purchase = _Purchase(line.invoice, line.quantity, line.at)
            bought.setdefault(of_customer, []).append(purchase)
            continue
        for purchase in bought.get(of_customer, []):
            if purchase.left >= -line.quantity and purchase.at <= line.at:
                purchase.left += line.quantity
                amount = -line.quantity * line.price
                amounts.setdefault(line.invoice, Counter())[purchase.invoice] += amount
                break
    for number, invoice in invoices.items():
        if invoice.cancels and not invoice.reason:
            invoice.refunds = [Refund(*item) for item in amounts.get(number, Counter()).items()]
            if not invoice.refunds:
                invoice.reason = "the customer's purchase is not in this file"
