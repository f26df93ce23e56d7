"""Ten thousand products, the same at every run."""

import random

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from product_service.models import Category, Product, stock_levels
from product_service.models.search_text import search_vector

PRODUCTS = 10_000
_WORDS = [
    "white",
    "hanging",
    "heart",
    "holder",
    "tea",
    "light",
    "glass",
    "vintage",
    "tin",
    "cake",
    "jar",
    "茶杯",
    "龙井",
    "青花瓷",
]


def fill(session: Session) -> list[str]:
    """Write the products and return some of their ids."""
    chance = random.Random(7)
    session.execute(
        insert(Category), [{"name": f"Category {n}", "slug": f"category-{n}"} for n in range(20)]
    )
    categories = session.scalars(select(Category.id)).all()
    rows = [_row(number, chance, categories) for number in range(PRODUCTS)]
    session.execute(insert(Product), rows)
    ids = session.scalars(select(Product.id).order_by(Product.id)).all()
    session.execute(insert(stock_levels), [{"product_id": id_, "on_hand": 100} for id_ in ids])
    return [str(id_) for id_ in ids[::50]]


def analyze(session: Session) -> None:
    """Give the planner its statistics."""
    session.execute(text("ANALYZE"))


def _row(number: int, chance: random.Random, categories: object) -> dict[str, object]:
    sku, name = f"SKU-{number:05}", " ".join(chance.choices(_WORDS, k=4))
    description = " ".join(chance.choices(_WORDS, k=25))
    attributes = {"colour": chance.choice(["red", "blue", "白"]), "size": chance.randrange(50)}
    return {
        "sku": sku,
        "name": name,
        "description": description,
        "price_amount": chance.randrange(100, 20_000),
        "currency": "GBP",
        "category_id": chance.choice(categories),  # type: ignore[call-overload]
        "attributes": attributes,
        "images": [f"https://img.example/{sku}.jpg"],
        "status": "active",
        "search": search_vector(sku, name, description, attributes),
    }
