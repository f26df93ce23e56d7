"""ETag, If-None-Match and If-Match on products."""

import pytest


def test_a_known_product_is_answered_with_304(client, make_product):
    product = make_product()
    first = client.get(f"/api/products/{product['id']}")
    assert first.headers["ETag"] == '"1.1"'
    again = client.get(
        f"/api/products/{product['id']}", headers={"If-None-Match": first.headers["ETag"]}
    )
    assert (again.status_code, again.get_data(), again.headers["ETag"]) == (304, b"", '"1.1"')


def test_a_known_list_is_answered_with_304_until_something_in_it_changes(
    client, make_product, place
):
    product = make_product()
    tag = client.get("/api/products").headers["ETag"]
    assert client.get("/api/products", headers={"If-None-Match": tag}).status_code == 304
    place((product, 1))
    fresh = client.get("/api/products", headers={"If-None-Match": tag})
    assert (fresh.status_code, fresh.json["data"][0]["available"]) == (200, 4)


def test_a_reservation_changes_the_tag_because_it_changes_what_is_available(
    client, make_product, place
):
    product = make_product(stock=5)
    place((product, 2))
    answer = client.get(f"/api/products/{product['id']}", headers={"If-None-Match": '"1.1"'})
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"1.2"')
    assert answer.json["data"]["available"] == 3


def test_a_sale_does_not_stop_an_edit(client, staff, make_product, place):
    product = make_product()
    tag = client.get(f"/api/products/{product['id']}").headers["ETag"]
    place((product, 1))
    answer = client.patch(
        f"/api/products/{product['id']}", json={"name": "New"}, headers={**staff, "If-Match": tag}
    )
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"2.2"')


@pytest.mark.parametrize(
    ("header", "status", "code"),
    [
        (None, 428, "precondition_required"),
        ('"7"', 412, "precondition_failed"),
        ('"7.1"', 412, "precondition_failed"),
        ('"abc"', 400, "bad_if_match"),
        ('"1", "2"', 400, "bad_if_match"),
        ('"99999999999999999999"', 400, "bad_if_match"),
        ("*", 400, "bad_if_match"),
        ('""', 400, "bad_if_match"),
    ],
)
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_write_without_the_current_version_changes_nothing(
    client, staff, make_product, published, read, method, header, status, code
):
    product = make_product(name="Cup")
    before = len(published())
    headers = staff if header is None else {**staff, "If-Match": header}
    body = {"json": {"name": "Other"}} if method == "PATCH" else {}
    answer = client.open(f"/api/products/{product['id']}", method=method, headers=headers, **body)
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert read(product) == product
    assert len(published()) == before
