"""The tree of categories over HTTP."""

from uuid import uuid4

import pytest

PATH = "/api/products/categories"


def patch(client, staff, category, version=1, **changes):
    return client.patch(
        f"{PATH}/{category['id']}", json=changes, headers={**staff, "If-Match": f'"{version}"'}
    )


def names(tree):
    return {node["slug"]: names(node["children"]) for node in tree}


def test_categories_are_read_as_a_tree(client, make_category):
    drinks = make_category("drinks")
    tea = make_category("tea", drinks["id"], name="茶")
    make_category("green-tea", tea["id"])
    make_category("coffee", drinks["id"])
    make_category("art")
    tree = client.get(PATH).json["data"]
    assert names(tree) == {"art": {}, "drinks": {"coffee": {}, "tea": {"green-tea": {}}}}
    assert tree[1]["children"][1]["name"] == "茶"


def test_a_created_category_is_found_at_its_location(client, staff):
    answer = client.post(PATH, json={"name": "Tea", "slug": "tea"}, headers=staff)
    assert (answer.status_code, answer.headers["ETag"]) == (201, '"1"')
    read = client.get(answer.headers["Location"])
    assert (read.json["data"], read.headers["ETag"]) == (answer.json["data"], '"1"')
    known = client.get(answer.headers["Location"], headers={"If-None-Match": '"1"'})
    assert known.status_code == 304


def test_a_slug_is_taken_once(client, staff, make_category):
    make_category("tea")
    other = make_category("coffee")
    created = client.post(PATH, json={"name": "X", "slug": "tea"}, headers=staff)
    renamed = patch(client, staff, other, slug="tea")
    for answer in (created, renamed):
        assert (answer.status_code, answer.json["code"]) == (409, "products.slug_taken")
    assert names(client.get(PATH).json["data"]) == {"coffee": {}, "tea": {}}


def test_a_category_is_renamed_and_moved(client, staff, make_category):
    drinks, tea = make_category("drinks"), make_category("tea")
    answer = patch(client, staff, tea, name="Teas", parent_id=drinks["id"])
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"2"')
    assert names(client.get(PATH).json["data"]) == {"drinks": {"tea": {}}}
    back = patch(client, staff, tea, version=2, parent_id=None)
    assert (back.status_code, back.json["data"]["name"]) == (200, "Teas")
    assert names(client.get(PATH).json["data"]) == {"drinks": {}, "tea": {}}


def test_a_change_that_changes_nothing_keeps_the_version(client, staff, make_category):
    tea = make_category("tea", name="Tea")
    assert patch(client, staff, tea, name="Tea").headers["ETag"] == '"1"'


def test_a_category_cannot_go_below_itself(client, staff, make_category):
    top = make_category("top")
    middle = make_category("middle", top["id"])
    low = make_category("low", middle["id"])
    for parent in (top, middle, low):
        answer = patch(client, staff, top, parent_id=parent["id"])
        assert (answer.status_code, answer.json["code"]) == (422, "products.category_cycle")
    assert names(client.get(PATH).json["data"]) == {"top": {"middle": {"low": {}}}}


def test_the_tree_has_a_limited_depth(client, staff, make_category):
    parent = None
    for level in range(16):
        parent = make_category(f"level-{level}", parent and parent["id"])
    answer = client.post(
        PATH, json={"name": "X", "slug": "x", "parent_id": parent["id"]}, headers=staff
    )
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "parent_id")
    assert client.get(PATH).status_code == 200


def test_a_move_counts_what_is_below(client, staff, make_category):
    def chain(name, length):
        made = []
        for level in range(length):
            made.append(make_category(f"{name}-{level}", made[-1]["id"] if made else None))
        return made

    upper, lower = chain("upper", 10), chain("lower", 7)
    before = client.get(PATH).json["data"]
    too_deep = patch(client, staff, lower[0], parent_id=upper[-1]["id"])
    assert (too_deep.status_code, too_deep.json["errors"]) == (
        422,
        [{"field": "parent_id", "message": "Deeper than 16 levels."}],
    )
    assert client.get(PATH).json["data"] == before
    assert patch(client, staff, lower[0], parent_id=upper[-2]["id"]).status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "X"}, "slug"),
        ({"name": "", "slug": "x"}, "name"),
        ({"name": "X", "slug": "Tea Cups"}, "slug"),
        ({"name": "X", "slug": "-x"}, "slug"),
        ({"name": "X", "slug": "x\n"}, None),
        ({"name": "X", "slug": "x", "parent_id": "x"}, "parent_id"),
        ({"name": "X", "slug": "x", "parent_id": str(uuid4())}, "parent_id"),
        ({"name": "X", "slug": "x", "id": str(uuid4())}, "id"),
        ({"name": "a\x00", "slug": "x"}, "name"),
    ],
)
def test_a_bad_category_is_refused(client, staff, body, field):
    answer = client.post(PATH, json=body, headers=staff)
    if field is None:
        # Blanks around a text are no part of it.
        assert (answer.status_code, answer.json["data"]["slug"]) == (201, "x")
        return
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == [field]
    assert client.get(PATH).json["data"] == []


def test_only_an_empty_category_is_deleted(client, staff, make_category, make_product):
    top = make_category("top")
    low = make_category("low", top["id"])
    make_product(category_id=low["id"])
    headers = {**staff, "If-Match": '"1"'}
    for category in (top, low):
        answer = client.delete(f"{PATH}/{category['id']}", headers=headers)
        assert (answer.status_code, answer.json["code"]) == (409, "products.category_in_use")
    empty = make_category("empty")
    assert client.delete(f"{PATH}/{empty['id']}", headers=headers).status_code == 204
    assert names(client.get(PATH).json["data"]) == {"top": {"low": {}}}


@pytest.mark.parametrize(("header", "status"), [({}, 428), ({"If-Match": '"9"'}, 412)])
def test_a_write_needs_the_current_version(client, staff, make_category, header, status):
    tea = make_category("tea")
    path, headers = f"{PATH}/{tea['id']}", {**staff, **header}
    assert client.patch(path, json={"name": "X"}, headers=headers).status_code == status
    assert client.delete(path, headers=headers).status_code == status
    assert client.get(path).json["data"] == tea
