"""One customer's shop: what they and staff send, and the messages that other services would."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chassis import clock as platform_clock
from chassis.testing import deliverer

Data = dict[str, Any]


@pytest.fixture(scope="session")
def service() -> str:
    """The package under test."""
    return "order_service"


class Messages:
    """Payloads of the events that order-service consumes, about an order as the API shows it."""

    def stock_reserved(self, order: Data, *, price: int = 250, hold: int = 1200) -> Data:
        items = [
            {
                "product_id": item["product_id"],
                "sku": f"SKU-{number}",
                "name": f"Product {number}",
                "quantity": item["quantity"],
                "unit_price": price,
                "line_total": price * item["quantity"],
            }
            for number, item in enumerate(order["items"], 1)
        ]
        return {
            "order_id": order["id"],
            "reservation_id": str(uuid4()),
            "expires_at": (platform_clock.now() + timedelta(seconds=hold)).isoformat(),
            "currency": "GBP",
            "total": sum(item["line_total"] for item in items),
            "items": items,
        }

    def stock_rejected(self, order: Data, reason: str = "out_of_stock") -> Data:
        items = [
            {"product_id": item["product_id"], "requested": item["quantity"], "available": 0}
            for item in order["items"]
        ]
        return {"order_id": order["id"], "reason": reason, "items": items}

    def stock_released(self, order: Data, reason: str = "expired") -> Data:
        return {"order_id": order["id"], "reason": reason}

    def payment_succeeded(
        self, order: Data, *, amount: int, payment_id: str | None = None, currency: str = "GBP"
    ) -> Data:
        return {
            "payment_id": payment_id or str(uuid4()),
            "order_id": order["id"],
            "customer_id": order["customer_id"],
            "amount": amount,
            "currency": currency,
        }

    def payment_failed(self, order: Data) -> Data:
        return {
            "payment_id": str(uuid4()),
            "order_id": order["id"],
            "customer_id": order["customer_id"],
            "code": "card_declined",
            "message": "The card was declined",
        }

    def payment_refunded(
        self, order: Data, *, payment_id: str, amount: int, refund_id: str | None = None
    ) -> Data:
        return {
            "payment_id": payment_id,
            "order_id": order["id"],
            "customer_id": order["customer_id"],
            "refund_id": refund_id or str(uuid4()),
            "amount": amount,
            "currency": "GBP",
            "refunded_total": amount,
            "reason": "requested",
        }


@dataclass
class Shop:
    """The actions of one customer and of staff on one app, through HTTP and messages."""

    client: FlaskClient
    send: Callable[..., None]
    headers: dict[str, str]
    staff: dict[str, str]
    admin: dict[str, str]
    customer_id: UUID
    messages: Messages = field(default_factory=Messages)

    def post(self, path: str, body: Data | None = None, **headers: str) -> TestResponse:
        """Send a POST as the customer; `key=` becomes the Idempotency-Key."""
        return self.post_as(self.headers, path, body, **headers)

    def post_as(
        self, who: dict[str, str], path: str, body: Data | None = None, **headers: str
    ) -> TestResponse:
        key = {"Idempotency-Key": headers.pop("key")} if "key" in headers else {}
        url = f"/api/orders{path}"
        # The standard library's encoder: it also writes what a hostile client would.
        text = json.dumps(body or {})
        every = {**who, **key, **headers, "Content-Type": "application/json"}
        return self.client.post(url, data=text, headers=every)

    def get(self, path: str, who: dict[str, str] | None = None) -> TestResponse:
        return self.client.get(f"/api/orders{path}", headers=who or self.headers)

    def order(self, order_id: str) -> Data:
        """Return an order as staff sees it now."""
        return dict(self.get(f"/{order_id}", self.staff).get_json()["data"])

    def place(self, *quantities: int, **body: Any) -> Data:
        """Place an order of new products with these quantities and return it."""
        items = [{"product_id": str(uuid4()), "quantity": q} for q in quantities or (2, 1)]
        response = self.post("", {"items": items, **body}, key=str(uuid4()))
        assert response.status_code == 202, response.get_json()
        return dict(response.get_json()["data"])

    def placed_and_reserved(self, *quantities: int, price: int = 250) -> Data:
        """Return an order that awaits its payment."""
        order = self.place(*quantities)
        self.send("stock.reserved.v1", self.messages.stock_reserved(order, price=price))
        return self.order(order["id"])

    def pay(self, order: Data, payment_id: str | None = None, amount: int | None = None) -> str:
        """Deliver a payment of an order's total; return the payment's id."""
        paid = order["total"]["amount"] if amount is None else amount
        data = self.messages.payment_succeeded(order, amount=paid, payment_id=payment_id)
        self.send("payment.succeeded.v1", data)
        return str(data["payment_id"])

    def placed_and_paid(self, *quantities: int, price: int = 250) -> Data:
        """Return a paid order."""
        order = self.placed_and_reserved(*quantities, price=price)
        self.pay(order)
        return self.order(order["id"])

    def shipped(self) -> Data:
        """Return a shipped order of 750."""
        order = self.placed_and_paid()
        self.post_as(self.staff, f"/{order['id']}/ship", {"carrier": "DHL"})
        return self.order(order["id"])


@pytest.fixture
def messages() -> Messages:
    return Messages()


@pytest.fixture
def open_shop(auth: Callable[..., dict[str, str]]) -> Callable[[Flask], Shop]:
    """Make a shop with a customer of its own on any app."""

    def make(app: Flask) -> Shop:
        customer_id = uuid4()
        return Shop(
            client=app.test_client(),
            send=deliverer(app),
            headers=auth(customer_id),
            staff=auth(roles=("staff",)),
            admin=auth(roles=("admin",)),
            customer_id=customer_id,
        )

    return make


@pytest.fixture
def shop(app: Flask, open_shop: Callable[[Flask], Shop]) -> Shop:
    """A shop whose effects are rolled back."""
    return open_shop(app)


@pytest.fixture
def use_settings(app: Flask) -> Any:
    """Change settings for this test: `use_settings(cart_max_lines=2)`."""
    before = app.config["SETTINGS"]

    def change(**values: Any) -> None:
        app.config["SETTINGS"] = replace(app.config["SETTINGS"], **values)

    yield change
    app.config["SETTINGS"] = before


@pytest.fixture
def types(published: Callable[[], list[Any]]) -> Callable[[], list[str]]:
    """Return the types of the events recorded so far."""
    return lambda: [event.type for event in published()]
