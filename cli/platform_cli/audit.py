"""The invariants of the shop, asked of the running platform through its public API."""

import time
from dataclasses import dataclass
from typing import Any

from platform_cli.shop_client import ShopClient

SERVICES = ("users", "products", "orders", "payments", "notifications")


@dataclass(frozen=True)
class Check:
    """One invariant: whether it holds, and the figures behind it."""

    name: str
    ok: bool
    detail: str = ""


def read_audits(client: ShopClient, admin: str) -> dict[str, dict[str, Any]]:
    """Return `GET /api/<service>/audit` of every service."""
    return {
        name: client.call("GET", f"/api/{name}/audit", token=admin, kind="audit")
        for name in SERVICES
    }


def settle(client: ShopClient, admin: str, seconds: float = 60) -> list[Check]:
    """Wait until nothing moves any more, and return the invariants as they are then.

    At rest is: every invariant holds in two equal audits, one after the other. While a message is
    on its way, or waits for the successor of a killed consumer, two services rightly disagree. What
    still does not hold after `seconds` is broken.
    """
    deadline = time.monotonic() + seconds
    before: Any = None
    while True:
        audits = read_audits(client, admin)
        checks = check_invariants(audits)
        at_rest = audits == before and all(check.ok for check in checks)
        if at_rest or time.monotonic() > deadline:
            return [Check(f"everything came to rest within {seconds:.0f} s", at_rest), *checks]
        before = audits
        time.sleep(0.5)


def check_invariants(audits: dict[str, dict[str, Any]]) -> list[Check]:
    """Judge what each service says of itself, and what they say of each other."""
    checks = [
        Check(f"{service}: {check['name']}", check["ok"], _figures(check.get("detail")))
        for service, audit in audits.items()
        for check in audit["checks"]
    ]
    orders, payments = audits["orders"]["sums"], audits["payments"]["counts"]
    products = audits["products"]["counts"]
    checks += [
        _equal(
            "paid by orders = captured by payments", orders["paid_amount"], payments["captured"]
        ),
        _equal(
            "refunded is the same on both sides", orders["refunded_amount"], payments["refunded"]
        ),
        _equal("units of paid orders = units sold", orders["sold_units"], products["sold_units"]),
        Check(
            "on-hand stock = initial + adjusted - sold",
            products["on_hand_units"]
            == products["initial_units"] + products["adjusted_units"] - products["sold_units"],
            _figures(
                {name: products[name] for name in sorted(products) if name.endswith("_units")}
            ),
        ),
    ]
    pending = {service: audit["outbox_pending"] for service, audit in audits.items()}
    checks.append(Check("every event was sent", not any(pending.values()), _figures(pending)))
    return checks


def _equal(name: str, left: Any, right: Any) -> Check:
    if isinstance(left, dict) and isinstance(right, dict):
        same = {k: v for k, v in left.items() if v} == {k: v for k, v in right.items() if v}
    else:
        same = left == right
    return Check(name, same, f"{left} and {right}")


def _figures(detail: Any) -> str:
    if not detail:
        return ""
    if isinstance(detail, dict):
        return ", ".join(f"{name} {value}" for name, value in detail.items())
    return str(detail)
