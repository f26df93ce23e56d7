"""What a client may send wrongly: refused with the field's name, and without any effect."""

import json

import pytest

GOOD = {"sku": "NEW-1", "name": "Cup", "price": {"amount": 100, "currency": "GBP"}}


def having(**changes):
    return {**GOOD, **changes}


def price(amount=1, currency="GBP", **more):
    return having(price={"amount": amount, "currency": currency, **more})


BODIES = [
    (having(sku=""), "sku"),
    (having(sku="   "), "sku"),
    (having(sku=None), "sku"),
    (having(sku=7), "sku"),
    (having(sku="S" * 65), "sku"),
    (having(sku="a\x00b"), "sku"),
    (having(name="\ud800"), "name"),
    (having(name="x" * 301), "name"),
    (having(name=["Cup"]), "name"),
    (having(description="x" * 10_001), "description"),
    (having(description={"a": 1}), "description"),
    (price(1.5), "price.amount"),
    (price(-1), "price.amount"),
    (price("100"), "price.amount"),
    (price(True), "price.amount"),
    (price(2**63), "price.amount"),
    (price(10_000_000_001), "price.amount"),
    (price(currency="XXX"), "price.currency"),
    (price(currency="gbp"), "price.currency"),
    (price(currency="GBP\n"), "price.currency"),
    (price(display="1.00"), "price.display"),
    (having(price=100), "price"),
    (having(price=None), "price"),
    (having(category_id="tea"), "category_id"),
    (having(attributes=[]), "attributes"),
    (having(attributes={"a": None}), "attributes.a"),
    (having(attributes={"a": ["b"]}), "attributes.a"),
    (having(attributes={"a": {"b": 1}}), "attributes.a"),
    (having(attributes={"a": "x" * 501}), "attributes.a"),
    (having(attributes={"a": "\x00"}), "attributes.a"),
    (having(attributes={"a": 2**64}), "attributes.a"),
    (having(attributes={"": 1}), "attributes"),
    (having(attributes={f"a{n}": 1 for n in range(51)}), "attributes"),
    (having(images="https://img.example/1.jpg"), "images"),
    (having(images=["javascript:alert(1)"]), "images.0"),
    (having(images=["https://"]), "images.0"),
    (having(images=["https://img.example/a b.jpg"]), "images.0"),
    (having(images=["https://[::1"]), "images.0"),
    (having(images=["https://img.example/1.jpg"] * 21), "images"),
    (having(initial_stock=-1), "initial_stock"),
    (having(initial_stock=1.0), "initial_stock"),
    (having(initial_stock=10**12), "initial_stock"),
    (having(id="x"), "id"),
    (having(version=9), "version"),
    (having(status="archived"), "status"),
    (having(on_hand=9), "on_hand"),
]


@pytest.mark.parametrize(("body", "field"), BODIES)
def test_a_bad_product_is_refused_by_field(client, staff, published, body, field):
    answer = client.post(
        "/api/products", data=json.dumps(body), headers=staff, content_type="application/json"
    )
    assert answer.status_code == 422, answer.json
    assert [error["field"] for error in answer.json["errors"]] == [field]
    assert client.get("/api/products").json["data"] == []
    assert published() == []


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ('{"sku": "N", "name": "C", "price": {"amount": NaN, "currency": "GBP"}}', 400),
        ('{"sku": "N", "name": "C", "price": {"amount": 1e400, "currency": "GBP"}}', 400),
        ('{"sku": "N", "sku": "M"}', 400),
        ("[" * 1_000, 400),
        ('{"sku": "N"', 400),
        ("[]", 422),
        ('"text"', 422),
        ("", 422),
    ],
)
def test_a_body_that_is_no_product_is_refused(client, staff, published, text, status):
    answer = client.post("/api/products", data=text, headers=staff, content_type="application/json")
    assert (answer.status_code, answer.json["success"]) == (status, False)
    assert published() == []


CHANGES = [
    ({"name": ""}, "name"),
    ({"sku": "OTHER"}, "sku"),
    ({"price": {"amount": 1}}, "price.currency"),
    ({"status": "sold"}, "status"),
    ({"available": 1_000}, "available"),
    ({"initial_stock": 5}, "initial_stock"),
    ({"category_id": "01890000-0000-7000-8000-000000000000"}, "category_id"),
]


@pytest.mark.parametrize(("body", "field"), CHANGES)
def test_a_bad_change_is_refused_by_field(
    client, staff, make_product, read, published, body, field
):
    product = make_product()
    told = len(published())
    answer = client.patch(
        f"/api/products/{product['id']}", json=body, headers={**staff, "If-Match": '"1"'}
    )
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == [field]
    assert read(product) == product
    assert len(published()) == told


QUERIES = [
    ("sort=id", "sort"),
    ("sort=price;drop", "sort"),
    ("sort=price desc, (select pg_sleep(5))", "sort"),
    ("sort=created_at--", "sort"),
    ("sort=", "sort"),
    ("page=0", "page"),
    ("page=-1", "page"),
    ("page=1_0", "page"),
    ("page=１", "page"),
    ("page=99999999999999999999", "page"),
    ("per_page=0", "per_page"),
    ("per_page=101", "per_page"),
    ("min_price=-1", "min_price"),
    ("min_price=1.5", "min_price"),
    ("max_price=x", "max_price"),
    ("max_price=99999999999999999999", "max_price"),
    ("min_price=5&max_price=4", "min_price"),
    ("in_stock=yes", "in_stock"),
    ("in_stock=", "in_stock"),
    ("ids=x", "ids"),
    ("ids=" + ",".join(["01890000-0000-7000-8000-000000000000"] * 101), "ids"),
    ("category=", "category"),
    ("q=" + "x" * 201, "q"),
    ("q=a%00b", "q"),
    ("attr.size=a%00b", "attr.size"),
    ("attributes=1", "attributes"),
    ("colour=red", "colour"),
]


@pytest.mark.parametrize(("query", "field"), QUERIES)
def test_a_bad_query_is_refused_by_field(client, staff, query, field):
    answer = client.get(f"/api/products?{query}", headers=staff)
    assert answer.status_code == 422, answer.json
    assert [error["field"] for error in answer.json["errors"]] == [field]


@pytest.mark.parametrize(
    "query",
    [
        "page=9223372036854775807",
        "attr.size=" + "9" * 400,
        "attr.size=1e999",
        "attr.size=NaN",
        "attr.size=[[[[",
        "attr.%27%3B--=1",
        "q=%25_%5C",
        "category=%27%20OR%201=1",
        "sku=%27%20OR%201=1",
    ],
)
def test_an_odd_query_finds_nothing(client, make_product, query):
    make_product()
    answer = client.get(f"/api/products?{query}")
    assert (answer.status_code, answer.json["data"]) == (200, [])


@pytest.mark.parametrize("path", ["/api/products/1", "/api/products/%00", "/api/products/nothing"])
def test_an_id_that_is_none_is_not_found(client, path):
    assert client.get(path).status_code == 404
