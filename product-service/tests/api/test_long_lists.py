"""Long lists may be a moment old, for customers only."""

from uuid import UUID, uuid4

import pytest

from chassis.database import transaction
from product_service.schemas.imports import FileRows
from product_service.services import imports
from product_service.services.recent import Recent


@pytest.fixture
def tick(app):
    """Give the app a memory of one second and return a function that lets time pass."""
    now = [0.0]
    names = ("product_service.pages", "product_service.totals")
    before = {name: app.extensions[name] for name in names}
    app.extensions.update({name: Recent(1.0, clock=lambda: now[0]) for name in names})

    def move(seconds):
        now[0] += seconds

    yield move
    app.extensions.update(before)


@pytest.fixture
def many(app):
    """Import products: `many(500)`."""

    def make(number, prefix="M"):
        text = "sku,name,price_amount,currency,stock\n" + "".join(
            f"{prefix}-{n:04},Cup,100,GBP,10\n" for n in range(number)
        )
        with app.app_context():
            with transaction() as session:
                job = imports.start_import(session, text, total_rows=number, actor_id=uuid4())
            imports.run_import(transaction, UUID(str(job.id)), FileRows)

    return make


def first(client, headers=None):
    answer = client.get("/api/products?sort=sku", headers=headers).json
    return answer["data"][0]["available"], answer["meta"]["pagination"]["total"]


def test_a_long_list_is_read_again_after_a_moment(client, staff, many, place, tick):
    many(500)
    [product] = client.get("/api/products?sku=M-0000").json["data"]
    assert first(client) == (10, 500)
    place((product, 4))
    assert first(client) == (10, 500)
    assert first(client, staff) == (6, 500)
    assert client.get(f"/api/products/{product['id']}").json["data"]["available"] == 6
    tick(1.0)
    assert first(client) == (6, 500)


def test_a_remembered_list_answers_304_as_a_fresh_one(client, many, tick):
    many(500)
    fresh, again = client.get("/api/products"), client.get("/api/products")
    assert (again.json, again.headers["ETag"], again.headers["Link"]) == (
        fresh.json,
        fresh.headers["ETag"],
        fresh.headers["Link"],
    )
    known = client.get("/api/products", headers={"If-None-Match": fresh.headers["ETag"]})
    assert (known.status_code, known.get_data()) == (304, b"")


def test_a_short_list_is_read_every_time(client, many, place, tick):
    many(499)
    [product] = client.get("/api/products?sku=M-0000").json["data"]
    assert first(client) == (10, 499)
    place((product, 4))
    assert first(client) == (6, 499)
    many(1, prefix="N")
    assert first(client) == (6, 500)
