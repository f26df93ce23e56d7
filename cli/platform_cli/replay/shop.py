"""The steps of the replay as calls of the platform's API; each can be sent again safely."""

import csv
import io
import time
from collections.abc import Iterable
from typing import Any

from platform_cli.replay.plan import Goods, Invoice
from platform_cli.shop_client import ApiError, ShopClient

CURRENCY = "GBP"
PASSWORD = "replay the shop of 2010"  # Customers of a replay exist for nothing else.
FINAL = {"paid", "shipped", "delivered", "rejected", "cancelled", "expired", "refunded"}
UNSETTLED = {"processing", "unknown"}  # Payments whose charge has no outcome yet.
_ACCESS_TOKEN_SECONDS = 600.0


class Shop:
    """One replay's conversation with the platform. run: sets its idempotency keys apart."""

    def __init__(self, client: ShopClient, run: str, admin: tuple[str, str]) -> None:
        self.client = client
        self.run = run
        self._admin = admin
        self._admin_token: tuple[str, float] = ("", 0.0)

    @property
    def admin(self) -> str:
        """An admin's access token; a new one before the old one expires."""
        token, made = self._admin_token
        if not token or time.monotonic() - made > _ACCESS_TOKEN_SECONDS:
            token = self.client.login(*self._admin)
            self._admin_token = (token, time.monotonic())
        return token

    def offer(self, goods: Iterable[Goods]) -> dict[str, str]:
        """Import the goods and bring their stock up to the demand; returns product ids by SKU."""
        wanted = {item.sku: item for item in goods}
        self._import(wanted.values())
        products = {
            product["sku"]: product
            for product in self.client.pages("/api/products", self.admin, sort="name")
            if product["sku"] in wanted
        }
        for sku, item in wanted.items():
            self._fill_up(products[sku], item.demand)
        return {sku: products[sku]["id"] for sku in wanted}

    def _import(self, goods: Iterable[Goods]) -> None:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(["sku", "name", "price_amount", "currency", "stock"])
        for item in goods:
            writer.writerow([item.sku, item.name, item.price, CURRENCY, item.demand])
        job = self.client.call(
            "POST",
            "/api/products/imports",
            token=self.admin,
            data=text.getvalue().encode(),
            headers={"Content-Type": "text/csv"},
            key=f"{self.run}-catalogue",
            kind="import catalogue",
        )
        deadline = time.monotonic() + 120
        while job["status"] not in ("completed", "failed"):
            if time.monotonic() > deadline:
                raise ApiError(0, "import_stuck", f"the catalogue import stays {job['status']}")
            time.sleep(0.2)
            path = f"/api/products/imports/{job['id']}"
            job = self.client.call("GET", path, token=self.admin, kind="look at import")
        if job["status"] == "failed" or job.get("errors"):
            raise ApiError(
                0, "import_failed", f"the catalogue import has errors: {job['errors'][:3]}"
            )

    def _fill_up(self, product: dict[str, Any], demand: int) -> None:
        missing = demand - product["available"]
        if missing > 0:
            self.client.call(
                "POST",
                f"/api/products/{product['id']}/stock/adjustments",
                token=self.admin,
                json={"quantity": missing, "reason": "replay"},
                key=f"{self.run}-stock-{product['sku']}",
                kind="adjust stock",
            )

    def sign_in(self, customer: str) -> str:
        """Register the customer, or sign in where it is known; returns an access token."""
        email = f"{customer}@replay.example"
        body = {"email": email, "password": PASSWORD, "name": f"Customer {customer}"}
        path = "/api/users/register"
        try:
            self.client.call(
                "POST", path, token=self.admin, json=body, harmless=True, kind="register"
            )
        except ApiError as error:
            # A registration whose answer was lost, or an earlier replay.
            if error.status != 409:
                raise
        return self.client.login(email, PASSWORD, staff=self.admin)

    def place(self, invoice: Invoice, products: dict[str, str], token: str) -> dict[str, Any]:
        """Place the invoice as an order, and wait until its stock is reserved or refused."""
        items = [{"product_id": products[sku], "quantity": n} for sku, n in invoice.wanted.items()]
        order = self.client.call(
            "POST",
            "/api/orders",
            token=token,
            json={"items": items},
            key=f"{self.run}-{invoice.number}",
            wait=10,
            kind="place order",
        )
        return self.order_until(order["id"], token, lambda found: found["status"] != "pending")

    def order_until(
        self, order_id: str, token: str, reached: Any, seconds: float = 90
    ) -> dict[str, Any]:
        """Read the order until `reached(order)` is true or time is up; returns it as it is then."""
        deadline, pause = time.monotonic() + seconds, 0.05
        while True:
            path = f"/api/orders/{order_id}"
            order: dict[str, Any] = self.client.call("GET", path, token=token, kind="get order")
            if reached(order) or time.monotonic() > deadline:
                return order
            time.sleep(pause)
            pause = min(pause * 1.5, 1.0)

    def pay(self, order: dict[str, Any], token: str, source: str = "tok_success") -> dict[str, Any]:
        """Pay the order; returns the payment as it ended.

        A charge that the provider never heard of ends as `provider_timeout`: the customer pays
        again, which is another payment.
        """
        for attempt in range(1, 6):
            payment = self._settled(self._try_to_pay(order, token, source, attempt), token)
            failure = payment["failure"] or {}
            if failure.get("code") != "provider_timeout":
                break
        return payment

    def _try_to_pay(
        self, order: dict[str, Any], token: str, source: str, attempt: int
    ) -> dict[str, Any]:
        deadline = time.monotonic() + self.client.patience
        while True:
            try:
                payment: dict[str, Any] = self.client.call(
                    "POST",
                    "/api/payments",
                    token=token,
                    json={"order_id": order["id"], "source": source, "capture_method": "automatic"},
                    key=f"{self.run}-pay-{order['id']}-{attempt}",
                    wait=10,
                    kind="pay",
                )
                return payment
            except ApiError as error:
                # The order's news may still be on its way to payment-service.
                if error.code != "payments.order_not_payable" or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def _settled(self, payment: dict[str, Any], token: str) -> dict[str, Any]:
        deadline = time.monotonic() + self.client.patience
        path = f"/api/payments/{payment['id']}"
        while payment["status"] in UNSETTLED and time.monotonic() < deadline:
            time.sleep(0.5)
            payment = self.client.call("GET", path, token=token, kind="get payment")
        return payment

    def refund(self, order_id: str, amount: int, number: str) -> None:
        """Refund `amount` minor units of an order for the cancellation `number`."""
        self.client.call(
            "POST",
            f"/api/orders/{order_id}/refunds",
            token=self.admin,
            json={"amount": amount, "reason": f"cancellation {number}"},
            key=f"{self.run}-refund-{number}-{order_id}",
            kind="refund",
        )
