"""A product that customers read is remembered, and never older than what was answered or told."""

import pytest
from sqlalchemy import text

from chassis import cache
from product_service import tasks
from product_service.services.hot_reads import SHAPE
from product_service.services.product_cache import PRODUCT_CACHE

FILE = "sku,name,price_amount,currency\n{sku},Renamed,900,GBP\n"


@pytest.fixture
def shown(client):
    """Return a product's answer to a customer: its data and its ETag."""

    def read(product):
        answer = client.get(f"/api/products/{product['id']}")
        assert answer.status_code == 200, answer.json
        return answer.json["data"], answer.headers["ETag"]

    return read


@pytest.fixture
def true(client, staff):
    """Return what the database holds, as customers ought to see it."""

    def read(product):
        answer = client.get(f"/api/products/{product['id']}", headers=staff)
        data = answer.json["data"]
        del data["on_hand"], data["reserved"]
        return data, answer.headers["ETag"]

    return read


def change_behind_the_service(session, product):
    session.execute(
        text("UPDATE products SET name = 'Secret' WHERE id = :id"), {"id": product["id"]}
    )
    session.flush()


def test_customers_get_what_is_remembered_and_staff_what_is_there(
    session, make_product, shown, true
):
    cup = make_product(name="Cup")
    assert shown(cup)[0]["name"] == "Cup"
    change_behind_the_service(session, cup)
    assert shown(cup)[0]["name"] == "Cup"
    assert true(cup)[0]["name"] == "Secret"


def test_a_remembered_product_is_answered_as_one_that_was_read(make_product, shown, true, client):
    cup = make_product(name="龙井", attributes={"grams": 250}, images=["https://img.example/1.jpg"])
    first = client.get(f"/api/products/{cup['id']}")
    again = client.get(f"/api/products/{cup['id']}")
    assert first.data == again.data and first.headers["ETag"] == again.headers["ETag"]
    assert shown(cup) == true(cup)
    unchanged = client.get(
        f"/api/products/{cup['id']}", headers={"If-None-Match": first.headers["ETag"]}
    )
    assert (unchanged.status_code, unchanged.data) == (304, b"")


@pytest.fixture
def changes(client, staff, place, pay, cancel, app, clock):
    """Everything that changes what a customer sees of a product, by name."""

    def edit(product):
        headers = {**staff, "If-Match": f'"{product["version"]}"'}
        body = {"name": "Bowl"}
        client.patch(f"/api/products/{product['id']}", json=body, headers=headers)

    def archive(product):
        headers = {**staff, "If-Match": f'"{product["version"]}"'}
        client.delete(f"/api/products/{product['id']}", headers=headers)

    def adjust(product):
        body = {"quantity": 3, "reason": "found"}
        path = f"/api/products/{product['id']}/stock/adjustments"
        client.post(path, json=body, headers={**staff, "Idempotency-Key": "adjust-1"})

    def import_file(product):
        data = FILE.format(sku=product["sku"])
        sent = client.post(
            "/api/products/imports", data=data, headers=staff, content_type="text/csv"
        )
        with app.app_context():
            tasks.run_import(sent.json["data"]["id"])

    def expire(_product):
        clock.move(1_201)
        with app.app_context():
            tasks.expire_due_reservations()

    return {
        "edit": edit,
        "archive": archive,
        "adjust": adjust,
        "import": import_file,
        "expire": expire,
        "place": lambda product: place((product, 2)),
        "pay": pay,
        "cancel": cancel,
    }


@pytest.mark.parametrize("name", ["edit", "archive", "adjust", "import", "place"])
def test_each_change_is_seen_at_once(make_product, shown, true, changes, name):
    cup = make_product(stock=5)
    before = shown(cup)
    changes[name](cup)
    assert shown(cup) == true(cup) != before


@pytest.mark.parametrize("name", ["expire", "pay", "cancel"])
def test_each_end_of_a_reservation_is_seen_at_once(make_product, shown, true, changes, name):
    cup = make_product(stock=5)
    order_id = changes["place"](cup)
    before = shown(cup)
    changes[name](cup if name == "expire" else order_id)
    assert shown(cup) == true(cup) != before


def test_an_import_that_changes_nothing_forgets_nothing(session, make_product, shown, changes):
    cup = make_product(name="Renamed", price=900)
    shown(cup)
    changes["import"](cup)
    change_behind_the_service(session, cup)
    assert shown(cup)[0]["name"] == "Renamed"


def test_a_product_that_is_not_there_is_not_remembered(client):
    path = "/api/products/01a1fd8a-49c0-76c4-a665-beb925eeeba4"
    assert [client.get(path).status_code for _ in range(2)] == [404, 404]


@pytest.mark.parametrize(
    ("ttl", "url"), [(60.0, "redis://127.0.0.1:1/0"), (0.0, "redis://127.0.0.1:1/0")]
)
def test_products_are_read_and_changed_while_redis_is_away_or_the_cache_is_off(
    app, make_product, shown, true, changes, ttl, url
):
    cup = make_product()
    caches = app.extensions["chassis.cache"]
    usual = caches[PRODUCT_CACHE]
    cache.add(app, PRODUCT_CACHE, version=SHAPE, ttl=ttl, url=url)
    try:
        before = shown(cup)
        changes["edit"](cup)
        assert shown(cup) == true(cup) != before
    finally:
        caches[PRODUCT_CACHE].close()
        caches[PRODUCT_CACHE] = usual
