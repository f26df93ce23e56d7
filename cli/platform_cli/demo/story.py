"""One customer's way through the shop, step by step; each step checks what it claims."""

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from rich.console import Console

from platform_cli.errors import PlatformError
from platform_cli.shop_client import ApiError, ShopClient


class Story:
    """Tells and does. products: the seeded catalogue by SKU."""

    def __init__(self, client: ShopClient, admin: str, products: dict[str, Any], console: Console):
        self._client = client
        self._admin = admin
        self._products = products
        self._console = console
        self._step = 0
        self._token = ""

    def tell(self) -> None:
        """Tell the whole story; raises PlatformError where the platform does something else."""
        self._register()
        self._browse()
        order = self._order({"TEA-001": 2, "TEA-005": 1})
        self._pay(order, "tok_success", "succeeded")
        self._expect(order, "paid", "The order is confirmed")
        declined = self._order({"KIT-002": 1})
        self._pay(declined, "tok_declined", "failed")
        self._say("The card was declined; the order still waits, and another card pays it")
        self._pay(declined, "tok_success", "succeeded")
        self._expect(declined, "paid", "Paid at the second try, charged once")
        self._order_too_many()
        self._refund(order)

    def _register(self) -> None:
        email, password = f"demo-{uuid4().hex[:8]}@example.com", "correct horse battery staple"
        body = {"email": email, "password": password, "name": "Mei Demo"}
        self._call("POST", "/api/users/register", json=body)
        self._token = self._client.login(email, password)
        self._say(f"A customer registers and signs in: [bold]{email}[/bold]")

    def _browse(self) -> None:
        for words in ("glass teapot", "龙井"):
            found = self._call("GET", f"/api/products?q={words}&sort=price")
            names = ", ".join(item["name"] for item in found[:3]) or "nothing"
            self._say(f"She searches for “{words}”: {names}")
            if not found:
                raise PlatformError(f"the search for {words} found nothing")

    def _order(self, wanted: dict[str, int]) -> dict[str, Any]:
        items = [
            {"product_id": self._products[sku]["id"], "quantity": number}
            for sku, number in wanted.items()
        ]
        order = self._call("POST", "/api/orders", json={"items": items}, key=uuid4().hex, wait=10)
        order = self._until(order, lambda found: found["status"] != "pending")
        if order["status"] == "awaiting_payment":
            total = f"{order['total']['amount'] / 100:.2f} {order['total']['currency']}"
            self._say(f"Order [bold]{order['number']}[/bold]: stock is reserved, {total} to pay")
        return order

    def _pay(self, order: dict[str, Any], source: str, expected: str) -> None:
        body = {"order_id": order["id"], "source": source, "capture_method": "automatic"}
        payment = self._retry_until_payable(body)
        if payment["status"] != expected:
            raise PlatformError(f"the payment is {payment['status']}, expected {expected}")
        failure = f" ({payment['failure']['code']})" if payment["failure"] else ""
        self._say(f"She pays with {source}: {payment['status']}{failure}")

    def _retry_until_payable(self, body: dict[str, Any]) -> Any:
        """Pay; the news of the order reaches payment-service a moment after the customer."""
        key, deadline = uuid4().hex, time.monotonic() + 20
        while True:
            try:
                return self._call("POST", "/api/payments", json=body, key=key, wait=10)
            except ApiError as error:
                if error.code != "payments.order_not_payable" or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def _order_too_many(self) -> None:
        order = self._order({"TOY-004": 3})
        if order["status"] != "rejected":
            raise PlatformError(f"an order of more than there is became {order['status']}")
        self._say(f"She wants three of two tin robots: rejected, {order['reason']}")

    def _refund(self, order: dict[str, Any]) -> None:
        amount = self._until(order, lambda found: True)["total"]["amount"]
        path = f"/api/orders/{order['id']}/refunds"
        body = {"amount": amount, "reason": "changed her mind"}
        self._client.call("POST", path, token=self._admin, json=body, key=uuid4().hex)
        self._expect(order, "refunded", "Staff refunds the first order in full")

    def _expect(self, order: dict[str, Any], status: str, words: str) -> None:
        found = self._until(order, lambda found: found["status"] == status)
        if found["status"] != status:
            raise PlatformError(f"order {found['number']} is {found['status']}, not {status}")
        trail = " → ".join([entry["to"] for entry in found["timeline"] if entry.get("to")])
        self._say(f"{words}: [dim]{trail}[/dim]")

    def _until(
        self, order: dict[str, Any], reached: Callable[[dict[str, Any]], bool]
    ) -> dict[str, Any]:
        deadline = time.monotonic() + 20
        while True:
            found: dict[str, Any] = self._call("GET", f"/api/orders/{order['id']}")
            if reached(found) or time.monotonic() > deadline:
                return found
            time.sleep(0.1)

    def _call(self, method: str, path: str, **options: Any) -> Any:
        return self._client.call(method, path, token=self._token or None, **options)

    def _say(self, words: str) -> None:
        self._step += 1
        self._console.print(f"[cyan]{self._step:>2}[/cyan]  {words}")
