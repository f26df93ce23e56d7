"""What other services know about an order, fetched at the same time; each part may be missing."""

from collections.abc import Callable
from functools import partial
from typing import Any

from chassis.app import settings
from chassis.exceptions import ServiceError
from chassis.service_client import Limits, ServiceClient, fan_out
from order_service.models import Order

# As many as product-service puts on one page.
_IDS_PER_CALL = 100

# An embellishment: better without it soon than with it late.
_TIMEOUT = (0.5, 2.0)
_LIMITS = Limits(total=3.0, retries=1)

Document = dict[str, Any]


def expand_order(
    document: Document, order: Order, parts: list[str]
) -> tuple[Document, list[Document]]:
    """Add `product` to each item and `payment` to the order, as `parts` asks.

    document: the dumped order. Returns the new document and a warning for each part that a service
    did not answer for; such a part is null. Calls product- and payment-service, so no transaction
    may be open.
    """
    calls: dict[str, Callable[[], Any]] = {}
    if "products" in parts:
        calls |= _product_calls(order)
    if "payment" in parts:
        calls["payment"] = partial(_fetch_payment, order)
    answers = fan_out(calls)
    expanded = dict(document)
    if "products" in parts:
        products = _by_id(answers)
        expanded["items"] = [
            {**item, "product": products.get(str(item["product_id"]))} for item in document["items"]
        ]
    if "payment" in parts:
        payment = answers["payment"]
        expanded["payment"] = None if isinstance(payment, ServiceError) else payment
    return expanded, _warnings(answers)


def _client(name: str, base_url: str) -> ServiceClient:
    return ServiceClient(name, base_url, timeout=_TIMEOUT, limits=_LIMITS)


def _product_calls(order: Order) -> dict[str, Callable[[], Any]]:
    client = _client("products", settings().products_url)
    ids = [str(line.product_id) for line in order.lines]
    groups = [ids[start : start + _IDS_PER_CALL] for start in range(0, len(ids), _IDS_PER_CALL)]
    return {
        f"products.{number}": partial(
            client.get,
            "/api/products",
            params={"ids": ",".join(group), "per_page": _IDS_PER_CALL},
        )
        for number, group in enumerate(groups)
    }


def _fetch_payment(order: Order) -> Document | None:
    client = _client("payments", settings().payments_url)
    if order.payment_id is not None:
        return dict(client.get(f"/api/payments/{order.payment_id}"))
    # Not paid yet: the newest attempt shows what the customer has to do next.
    found = client.get("/api/payments", params={"order_id": str(order.id), "per_page": 1})
    return found[0] if found else None


def _by_id(answers: dict[str, Any]) -> dict[str, Document]:
    return {
        product["id"]: product
        for name, answer in answers.items()
        if name.startswith("products.") and not isinstance(answer, ServiceError)
        for product in answer
    }


def _warnings(answers: dict[str, Any]) -> list[Document]:
    failed = {
        name.partition(".")[0]: answer
        for name, answer in answers.items()
        if isinstance(answer, ServiceError)
    }
    return [
        {"expand": part, "code": error.code, "message": error.message}
        for part, error in failed.items()
    ]
