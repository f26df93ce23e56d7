"""`python -m shop_load --url http://127.0.0.1:5000 --customers 8 --seconds 60`.

Needs ADMIN_PASSWORD or ADMIN_PASSWORD_FILE: the goods are an administrator's, and the limits of one
address make room for those who register with an administrator's token.
"""

import argparse
import os
import random
import sys
import threading
import time
from pathlib import Path
from uuid import uuid4

from shop_load.shop import Figures, Refused, Shop

PASSWORD = "correct horse battery staple"
# A token lives 15 minutes.
TOKEN_SECONDS = 600


def main() -> int:
    """Run the customers and print the figures; returns 1 where the platform failed any of them."""
    parser = argparse.ArgumentParser(prog="shop_load", description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:5000", help="the gateway")
    parser.add_argument("--customers", type=int, default=8, help="at the same time")
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    figures = Figures()
    with Shop(options.url, figures) as admin:
        admin.token = admin.login(os.environ.get("ADMIN_EMAIL", "admin@example.com"), password())
        goods = stock_up(admin)
        deadline = time.monotonic() + options.seconds
        threads = [
            threading.Thread(
                target=customer, args=(options.url, figures, admin.token, goods, deadline)
            )
            for _ in range(options.customers)
        ]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("\n".join(figures.lines(time.monotonic() - started)), flush=True)
    return 1 if figures.failures() else 0


def password() -> str:
    """Return the administrator's password, as the services read theirs."""
    if file := os.environ.get("ADMIN_PASSWORD_FILE"):
        return Path(file).read_text(encoding="utf-8").strip()
    return os.environ["ADMIN_PASSWORD"]


def stock_up(admin: Shop) -> list[str]:
    """Make goods for this run, of which there is enough; returns their ids."""
    run = uuid4().hex[:8]
    ids = []
    for number in range(10):
        body = {
            "sku": f"LOAD-{run}-{number}",
            "name": f"Load article {number}",
            "price": {"amount": 1000 + number, "currency": "GBP"},
            "initial_stock": 1_000_000,
        }
        ids.append(str(admin.call("stock up", "POST", "/api/products", body)["id"]))
    return ids


def customer(url: str, figures: Figures, admin: str, goods: list[str], deadline: float) -> None:
    """Register, then browse, order and pay until the deadline, whatever is answered."""
    email = f"load-{uuid4().hex[:12]}@example.com"
    with Shop(url, figures, admin) as shop:
        registered, signed_in = False, float("-inf")
        while time.monotonic() < deadline:
            try:
                if not registered:
                    body = {"email": email, "password": PASSWORD, "name": "Load"}
                    shop.call("register", "POST", "/api/users/register", body)
                    registered = True
                if time.monotonic() - signed_in > TOKEN_SECONDS:
                    shop.token = shop.login(email, PASSWORD)
                    signed_in = time.monotonic()
                buy(shop, random.sample(goods, 3))
            except Refused as error:
                print(error, file=sys.stderr, flush=True)
                time.sleep(0.1)


def buy(shop: Shop, goods: list[str]) -> None:
    """Look at some goods, order them and pay."""
    shop.call("browse", "GET", "/api/products?per_page=20")
    for product in goods:
        shop.call("look", "GET", f"/api/products/{product}")
    items = [{"product_id": product, "quantity": 1} for product in goods]
    order = shop.call("order", "POST", "/api/orders", {"items": items}, key=uuid4().hex)
    body = {"order_id": order["id"], "source": "tok_success", "capture_method": "automatic"}
    shop.call("pay", "POST", "/api/payments", body, key=uuid4().hex)


if __name__ == "__main__":
    sys.exit(main())
