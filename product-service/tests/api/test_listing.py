"""The product list: filters, order, pages."""

from uuid import uuid4

import pytest


def skus(answer):
    assert answer.status_code == 200, answer.json
    return [item["sku"] for item in answer.json["data"]]


@pytest.fixture
def shop(make_category, make_product, place):
    """Six products in a small tree of categories; "D" is sold out."""
    drinks = make_category("drinks")
    tea = make_category("tea", drinks["id"])
    green = make_category("green-tea", tea["id"])
    other = make_category("other")
    make_product(sku="A", name="a", price=100, category_id=drinks["id"])
    make_product(sku="B", name="b", price=200, category_id=tea["id"], attributes={"size": 42})
    make_product(sku="C", name="c", price=300, category_id=green["id"], attributes={"size": "42"})
    sold_out = make_product(
        sku="D", name="d", price=400, stock=1, category_id=other["id"], attributes={"颜色": "红"}
    )
    make_product(sku="E", name="e", price=500, attributes={"颜色": "红", "organic": True})
    make_product(sku="F", name="f", price=600, stock=0)
    place((sold_out, 1))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "ABCDEF"),
        ("category=drinks", "ABC"),
        ("category=tea", "BC"),
        ("category=green-tea", "C"),
        ("category=nowhere", ""),
        ("min_price=300", "CDEF"),
        ("max_price=300", "ABC"),
        ("min_price=200&max_price=400", "BCD"),
        ("in_stock=true", "ABCE"),
        ("in_stock=false", "DF"),
        ("attr.size=42", "BC"),
        ("attr.颜色=红", "DE"),
        ("attr.颜色=红&attr.organic=true", "E"),
        ("attr.organic=false", ""),
        ("sku=C", "C"),
        ("category=drinks&in_stock=true&min_price=150&attr.size=42", "BC"),
    ],
)
def test_filters(client, shop, query, expected):
    answer = client.get(f"/api/products?sort=name&{query}")
    assert skus(answer) == list(expected)
    assert answer.json["meta"]["pagination"]["total"] == len(expected)


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("price", "ABCDEF"),
        ("-price", "FEDCBA"),
        ("-name", "FEDCBA"),
        ("sku", "ABCDEF"),
        ("-sku", "FEDCBA"),
        ("created_at", "ABCDEF"),
        ("-created_at", "FEDCBA"),
        ("relevance", "FEDCBA"),
    ],
)
def test_allowed_orders(client, shop, sort, expected):
    assert skus(client.get(f"/api/products?sort={sort}")) == list(expected)


def test_the_newest_comes_first_without_a_sort(client, shop):
    assert skus(client.get("/api/products")) == list("FEDCBA")


def test_pages_carry_totals_and_links(client, shop):
    answer = client.get("/api/products?sort=sku&per_page=4&category=drinks")
    assert answer.json["meta"]["pagination"] == {"page": 1, "per_page": 4, "total": 3, "pages": 1}
    answer = client.get("/api/products?sort=sku&per_page=4&page=2")
    assert skus(answer) == ["E", "F"]
    assert answer.json["meta"]["pagination"] == {"page": 2, "per_page": 4, "total": 6, "pages": 2}
    assert answer.headers["Link"] == (
        '</api/products?sort=sku&per_page=4&page=1>; rel="first", '
        '</api/products?sort=sku&per_page=4&page=2>; rel="last", '
        '</api/products?sort=sku&per_page=4&page=1>; rel="prev"'
    )


def test_a_page_behind_the_end_is_empty(client, shop):
    answer = client.get("/api/products?page=99")
    assert (skus(answer), answer.json["meta"]["pagination"]["total"]) == ([], 6)


@pytest.mark.parametrize("sort", ["price", "-price", "name", "created_at", "-created_at", "-sku"])
def test_cursors_walk_the_list_once(client, shop, sort):
    seen, cursor = [], ""
    while cursor is not None:
        answer = client.get(
            "/api/products", query_string={"sort": sort, "per_page": 2, "cursor": cursor}
        )
        seen += skus(answer)
        cursor = answer.json["meta"]["pagination"]["next_cursor"]
    assert seen == skus(client.get(f"/api/products?sort={sort}"))


def test_a_foreign_cursor_is_refused(client, shop):
    first = client.get("/api/products?sort=price&per_page=2&cursor=").json
    cursor = first["meta"]["pagination"]["next_cursor"]
    answer = client.get("/api/products", query_string={"sort": "-name", "cursor": cursor})
    assert (answer.status_code, answer.json["code"]) == (400, "pagination.bad_cursor")


def test_ids_ask_for_many_products_at_once(client, make_product):
    products = [make_product(sku=f"P{number:02}") for number in range(30)]
    ids = ",".join([product["id"] for product in products] + [str(uuid4())])
    answer = client.get(f"/api/products?ids={ids}&sort=sku")
    assert skus(answer) == [product["sku"] for product in products]


def test_only_staff_filters_by_status(client, auth, staff, make_product):
    product = make_product(sku="GONE")
    make_product(sku="HERE")
    client.delete(f"/api/products/{product['id']}", headers={**staff, "If-Match": '"1"'})
    assert skus(client.get("/api/products?status=archived", headers=staff)) == ["GONE"]
    assert skus(client.get("/api/products?status=any&sort=sku", headers=staff)) == ["GONE", "HERE"]
    for headers in ({}, auth()):
        answer = client.get("/api/products?status=archived", headers=headers)
        assert (answer.status_code, answer.json["code"]) == (403, "forbidden")


def test_the_total_of_a_short_list_is_never_stale(client, make_product):
    for count in (1, 2, 3):
        make_product()
        assert client.get("/api/products").json["meta"]["pagination"]["total"] == count
