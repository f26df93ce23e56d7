"""Products over HTTP: create, read, change, archive."""

from uuid import uuid4


def test_a_created_product_is_read_back_as_it_was_sent(client, staff, make_category):
    category = make_category("tea")
    body = {
        "sku": "TEA-1",
        "name": "  Green tea  ",
        "description": "Loose leaves",
        "price": {"amount": 1999, "currency": "GBP"},
        "category_id": category["id"],
        "attributes": {"origin": "浙江", "weight": 250, "organic": True, "rate": 1.5},
        "images": ["https://img.example/tea.jpg"],
        "initial_stock": 7,
    }
    created = client.post("/api/products", json=body, headers=staff)
    assert created.status_code == 201
    product = created.json["data"]
    assert created.headers["Location"] == f"/api/products/{product['id']}"
    read = client.get(created.headers["Location"])
    assert read.status_code == 200
    assert {name: value for name, value in read.json["data"].items() if name not in TIMES} == {
        "id": product["id"],
        "sku": "TEA-1",
        "name": "Green tea",
        "description": "Loose leaves",
        "price": {"amount": 1999, "currency": "GBP"},
        "category_id": category["id"],
        "attributes": {"origin": "浙江", "weight": 250, "organic": True, "rate": 1.5},
        "images": ["https://img.example/tea.jpg"],
        "status": "active",
        "available": 7,
        "version": 1,
    }
    assert (product["on_hand"], product["reserved"]) == (7, 0)


TIMES = ("created_at", "updated_at")


def test_a_new_product_is_told_to_others(make_product, published):
    product = make_product(name="Cup", price=250)
    assert [(event.type, event.subject, event.data) for event in published()] == [
        (
            "product.updated.v1",
            product["id"],
            {
                "product_id": product["id"],
                "sku": product["sku"],
                "name": "Cup",
                "price": 250,
                "currency": "GBP",
                "status": "active",
            },
        )
    ]


def test_a_sku_is_taken_once(client, staff, make_product, published):
    make_product(sku="ONE")
    before = len(published())
    body = {"sku": "ONE", "name": "Other", "price": {"amount": 1, "currency": "GBP"}}
    answer = client.post("/api/products", json=body, headers=staff)
    assert (answer.status_code, answer.json["code"]) == (409, "products.sku_taken")
    assert answer.json["errors"] == [{"field": "sku", "message": "Is in use."}]
    assert len(published()) == before
    assert client.get("/api/products").json["meta"]["pagination"]["total"] == 1


def test_creating_twice_with_one_key_makes_one_product(client, staff):
    body = {"sku": "K-1", "name": "Cup", "price": {"amount": 1, "currency": "GBP"}}
    headers = {**staff, "Idempotency-Key": "create-1"}
    first = client.post("/api/products", json=body, headers=headers)
    again = client.post("/api/products", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json["data"]["id"] == first.json["data"]["id"]


def test_an_unknown_category_is_refused(client, staff, published):
    body = {
        "sku": "X",
        "name": "X",
        "price": {"amount": 1, "currency": "GBP"},
        "category_id": str(uuid4()),
    }
    answer = client.post("/api/products", json=body, headers=staff)
    assert answer.status_code == 422
    assert answer.json["errors"] == [{"field": "category_id", "message": "No such category."}]
    assert published() == []


def test_an_unknown_product_is_not_found(client):
    answer = client.get(f"/api/products/{uuid4()}")
    assert (answer.status_code, answer.json["code"]) == (404, "products.not_found")


def test_customers_do_not_see_what_is_on_hand_or_reserved(client, auth, make_product):
    product = make_product(stock=3)
    for headers in ({}, auth()):
        data = client.get(f"/api/products/{product['id']}", headers=headers).json["data"]
        assert data["available"] == 3
        assert not {"on_hand", "reserved"} & data.keys()


def test_a_patch_changes_only_what_it_names(client, staff, make_product, published):
    product = make_product(name="Cup", description="White", price=100)
    answer = client.patch(
        f"/api/products/{product['id']}",
        json={"price": {"amount": 120, "currency": "GBP"}},
        headers={**staff, "If-Match": '"1"'},
    )
    assert answer.status_code == 200
    changed = answer.json["data"]
    assert changed["price"] == {"amount": 120, "currency": "GBP"}
    assert (changed["name"], changed["description"]) == ("Cup", "White")
    assert (changed["version"], answer.headers["ETag"]) == (2, '"2.1"')
    assert published()[-1].data["price"] == 120


def test_a_patch_that_changes_nothing_makes_no_version_and_no_event(
    client, staff, make_product, published
):
    product = make_product(name="Cup")
    before = len(published())
    answer = client.patch(
        f"/api/products/{product['id']}", json={"name": "Cup"}, headers={**staff, "If-Match": '"1"'}
    )
    assert (answer.status_code, answer.json["data"]["version"]) == (200, 1)
    assert len(published()) == before


def test_a_renamed_product_is_found_by_its_new_name_only(client, staff, make_product):
    product = make_product(name="Kettle")
    client.patch(
        f"/api/products/{product['id']}",
        json={"name": "水壶"},
        headers={**staff, "If-Match": '"1"'},
    )
    assert client.get("/api/products?q=水壶").json["meta"]["pagination"]["total"] == 1
    assert client.get("/api/products?q=kettle").json["meta"]["pagination"]["total"] == 0


def test_an_archived_product_leaves_the_list_and_stays_by_id(
    client, staff, make_product, published
):
    product = make_product()
    answer = client.delete(f"/api/products/{product['id']}", headers={**staff, "If-Match": '"1.1"'})
    assert (answer.status_code, answer.json["data"]["status"]) == (200, "archived")
    assert client.get("/api/products").json["data"] == []
    assert client.get(f"/api/products/{product['id']}").json["data"]["status"] == "archived"
    by_ids = client.get(f"/api/products?ids={product['id']}").json["data"]
    assert [item["status"] for item in by_ids] == ["archived"]
    assert published()[-1].data["status"] == "archived"


def test_an_archived_product_can_be_brought_back(client, staff, make_product):
    product = make_product()
    path = f"/api/products/{product['id']}"
    client.delete(path, headers={**staff, "If-Match": '"1"'})
    answer = client.patch(path, json={"status": "active"}, headers={**staff, "If-Match": '"2"'})
    assert (answer.status_code, answer.json["data"]["status"]) == (200, "active")
    assert len(client.get("/api/products").json["data"]) == 1
