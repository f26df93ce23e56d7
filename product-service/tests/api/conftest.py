"""Products, categories and orders to test with, made through the API and the event handlers."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient

STAFF = ("staff",)


@pytest.fixture
def staff(auth: Callable[..., dict[str, str]]) -> dict[str, str]:
    """The headers of a member of the staff."""
    return auth(roles=STAFF)


@pytest.fixture
def make_category(client: FlaskClient, staff: dict[str, str]) -> Callable[..., dict[str, Any]]:
    """Make a category: `make_category("tea", parent_id=None)`."""

    def make(slug: str, parent_id: str | None = None, name: str | None = None) -> dict[str, Any]:
        body = {"name": name or slug.title(), "slug": slug, "parent_id": parent_id}
        answer = client.post("/api/products/categories", json=body, headers=staff)
        assert answer.status_code == 201, answer.json
        category: dict[str, Any] = answer.json["data"]
        return category

    return make


@pytest.fixture
def make_product(client: FlaskClient, staff: dict[str, str]) -> Callable[..., dict[str, Any]]:
    """Make a product: `make_product(name="Cup", stock=5, price=100, currency="GBP", **fields)`."""

    def make(
        *, stock: int = 5, price: int = 100, currency: str = "GBP", **fields: Any
    ) -> dict[str, Any]:
        body = {
            "sku": f"SKU-{uuid4().hex[:10]}",
            "name": "Cup",
            "price": {"amount": price, "currency": currency},
            "initial_stock": stock,
            **fields,
        }
        answer = client.post("/api/products", json=body, headers=staff)
        assert answer.status_code == 201, answer.json
        product: dict[str, Any] = answer.json["data"]
        return product

    return make


@pytest.fixture
def read(client: FlaskClient, staff: dict[str, str]) -> Callable[[Any], dict[str, Any]]:
    """Read a product as staff sees it, by its id or by what `make_product` returned."""

    def get(product: Any) -> dict[str, Any]:
        product_id = product["id"] if isinstance(product, dict) else product
        answer = client.get(f"/api/products/{product_id}", headers=staff)
        assert answer.status_code == 200, answer.json
        found: dict[str, Any] = answer.json["data"]
        return found

    return get


@pytest.fixture
def place(deliver: Callable[..., None]) -> Callable[..., UUID]:
    """Deliver order.placed: `place((product, 2), (other, 1), expected=None)`; returns its id."""

    def send(
        *items: tuple[dict[str, Any], int],
        order_id: UUID | None = None,
        expected: dict[str, Any] | None = None,
    ) -> UUID:
        order_id = order_id or uuid4()
        data = {
            "order_id": str(order_id),
            "customer_id": str(uuid4()),
            "items": [{"product_id": product["id"], "quantity": units} for product, units in items],
            "expected_total": expected,
        }
        deliver("order.placed.v1", data)
        return order_id

    return send


@pytest.fixture
def pay(deliver: Callable[..., None]) -> Callable[[UUID], None]:
    """Deliver order.paid for an order."""

    def send(order_id: UUID) -> None:
        data = {
            "order_id": str(order_id),
            "customer_id": str(uuid4()),
            "payment_id": str(uuid4()),
            "amount": 100,
            "currency": "GBP",
        }
        deliver("order.paid.v1", data)

    return send


@pytest.fixture
def cancel(deliver: Callable[..., None]) -> Callable[[UUID], None]:
    """Deliver order.cancelled for an order."""

    def send(order_id: UUID) -> None:
        data = {"order_id": str(order_id), "customer_id": str(uuid4()), "reason": "requested"}
        deliver("order.cancelled.v1", data)

    return send


@pytest.fixture
def said(published: Callable[[], list[Any]]) -> Callable[[], list[tuple[str, dict[str, Any]]]]:
    """Return what was told about stock so far: (type, data), without product.updated."""

    def read_events() -> list[tuple[str, dict[str, Any]]]:
        return [
            (event.type, event.data) for event in published() if event.type != "product.updated.v1"
        ]

    return read_events
