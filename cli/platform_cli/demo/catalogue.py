"""The catalogue of the demo, put into the running platform; run again it adds nothing."""

import json
from pathlib import Path
from typing import Any

from platform_cli.shop_client import ApiError, ShopClient

FILE = Path(__file__).with_name("catalogue.json")


def seed(client: ShopClient, admin: str) -> dict[str, dict[str, Any]]:
    """Make the categories and products that are missing; returns the products by SKU.

    Stock that earlier demos sold is filled up again.
    """
    catalogue = json.loads(FILE.read_text(encoding="utf-8"))
    categories = _seed_categories(client, admin, catalogue["categories"])
    known = {item["sku"]: item for item in client.pages("/api/products", admin, sort="name")}
    products = {}
    for item in catalogue["products"]:
        if item["sku"] not in known:
            body = _body(item, categories, catalogue["currency"])
            known[item["sku"]] = client.call("POST", "/api/products", token=admin, json=body)
        products[item["sku"]] = _fill_up(client, admin, known[item["sku"]], item["stock"])
    return products


def _seed_categories(
    client: ShopClient, admin: str, wanted: list[dict[str, Any]]
) -> dict[str, str]:
    ids = dict(_flat(client.call("GET", "/api/products/categories")))
    for category in wanted:
        if category["slug"] not in ids:
            body = {
                "slug": category["slug"],
                "name": category["name"],
                "parent_id": ids.get(category["parent"]),
            }
            made = client.call("POST", "/api/products/categories", token=admin, json=body)
            ids[category["slug"]] = made["id"]
    return ids


def _flat(tree: list[dict[str, Any]]) -> list[tuple[str, str]]:
    found = []
    for node in tree:
        found += [(node["slug"], node["id"]), *_flat(node.get("children", []))]
    return found


def _body(item: dict[str, Any], categories: dict[str, str], currency: str) -> dict[str, Any]:
    return {
        "sku": item["sku"],
        "name": item["name"],
        "description": item["description"],
        "price": {"amount": item["price"], "currency": currency},
        "category_id": categories[item["category"]],
        "attributes": item["attributes"],
        "initial_stock": item["stock"],
    }


def _fill_up(client: ShopClient, admin: str, product: dict[str, Any], stock: int) -> dict[str, Any]:
    missing = stock - product["available"]
    if missing > 0:
        path = f"/api/products/{product['id']}/stock/adjustments"
        body = {"quantity": missing, "reason": "demo"}
        # The version is part of the key, so that the next demo's filling up is another one.
        key = f"demo-{product['id']}-{product['version']}-{product['available']}"
        try:
            client.call("POST", path, token=admin, json=body, key=key)
        except ApiError as error:
            if error.code != "idempotency_key_reused":
                raise
    return product
