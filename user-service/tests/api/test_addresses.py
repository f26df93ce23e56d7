from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from chassis.database import transaction
from user_service.models import Address

HOME = {
    "recipient": "Ada Lovelace",
    "line1": "12 St James's Square",
    "city": "London",
    "postal_code": "SW1Y 4JH",
    "country": "GB",
}


class Book:
    """The address book of one account."""

    def __init__(self, people, account):
        self.people, self.account = people, account

    def send(self, method, path="", body=None, **headers):
        return self.people.send(
            method, f"/me/addresses{path}", body, {**self.account.headers, **headers}
        )

    def add(self, **changes):
        answer = self.send("POST", body={**HOME, **changes})
        assert answer.status_code == 201, answer.get_json()
        return answer.get_json()["data"]

    def all(self):
        return self.send("GET").get_json()["data"]

    def defaults(self):
        return [address["label"] for address in self.all() if address["is_default"]]


@pytest.fixture
def book(people):
    return Book(people, people.register())


@pytest.fixture
def other_book(people):
    return Book(people, people.register())


def test_an_address_is_kept_as_it_was_given(book):
    answer = book.send("POST", body={**HOME, "label": "Home", "phone": "+44 20 7946 0018"})

    data = answer.get_json()["data"]
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/api/users/me/addresses/{data['id']}"
    assert {name: data[name] for name in HOME} == HOME
    assert (data["label"], data["line2"], data["region"]) == ("Home", None, None)
    assert (data["phone"], data["version"]) == ("+442079460018", 1)
    assert book.send("GET", f"/{data['id']}").get_json()["data"] == data


def test_the_first_address_is_the_default(book):
    book.add(label="first")
    book.add(label="second")

    assert book.defaults() == ["first"]


def test_a_new_default_replaces_the_old_one(book):
    book.add(label="first")
    book.add(label="second", is_default=True)

    assert book.defaults() == ["second"]
    assert [address["label"] for address in book.all()] == ["second", "first"]


def test_a_changed_default_replaces_the_old_one(book):
    book.add(label="first")
    second = book.add(label="second")

    answer = book.send("PATCH", f"/{second['id']}", {"is_default": True}, **{"If-Match": '"1"'})

    assert answer.status_code == 200
    assert book.defaults() == ["second"]


def test_there_may_be_no_default(book):
    first = book.add(label="first")

    book.send("PATCH", f"/{first['id']}", {"is_default": False}, **{"If-Match": '"1"'})

    assert book.defaults() == []


def test_deleting_the_default_promotes_the_newest(book):
    first = book.add(label="first")
    book.add(label="second")
    book.add(label="third")

    assert book.send("DELETE", f"/{first['id']}").status_code == 204

    assert book.defaults() == ["third"]
    assert book.send("GET", f"/{first['id']}").status_code == 404


def test_a_patch_changes_what_it_names(book):
    address = book.add(label="Home")

    answer = book.send(
        "PATCH", f"/{address['id']}", {"city": "Paris", "label": None}, **{"If-Match": '"1"'}
    )

    assert answer.headers["ETag"] == '"2"'
    data = answer.get_json()["data"]
    assert (data["city"], data["label"], data["line1"]) == ("Paris", None, HOME["line1"])


@pytest.mark.parametrize(("version", "status"), [('"7"', 412), (None, 428)])
def test_a_patch_of_another_version_changes_nothing(book, version, status):
    address = book.add()
    headers = {"If-Match": version} if version else {}

    answer = book.send("PATCH", f"/{address['id']}", {"city": "Paris"}, **headers)

    assert answer.status_code == status
    assert book.all() == [address]


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_somebody_elses_address_does_not_exist(book, other_book, method):
    address = book.add()
    body = {"city": "Paris"} if method == "PATCH" else None

    answer = other_book.send(method, f"/{address['id']}", body, **{"If-Match": '"1"'})

    assert (answer.status_code, answer.get_json()["code"]) == (404, "users.address_not_found")
    assert book.all() == [address]
    assert other_book.all() == []


def test_an_address_of_a_staff_token_is_not_special(book, people, auth):
    address = book.add()

    for role in ("staff", "admin"):
        answer = people.send(
            "GET", f"/me/addresses/{address['id']}", headers=auth(uuid4(), (role,))
        )
        assert answer.status_code == 404


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"country": "gb"}, "country"),
        ({"country": "GBR"}, "country"),
        ({"country": "G\n"}, "country"),
        ({"recipient": ""}, "recipient"),
        ({"line1": "x" * 201}, "line1"),
        ({"postal_code": None}, "postal_code"),
        ({"is_default": 1}, "is_default"),
        ({"is_default": "true"}, "is_default"),
        ({"phone": "call me"}, "phone"),
        ({"user_id": "0190f000-0000-7000-8000-000000000000"}, "user_id"),
        ({"version": 5}, "version"),
        ({"city": "Lon\u202edon"}, "city"),
    ],
)
def test_a_bad_address_is_refused_with_its_field(book, session, changes, field):
    answer = book.send("POST", body={**HOME, **changes})

    assert answer.status_code == 422
    assert [problem["field"] for problem in answer.get_json()["errors"]] == [field]
    assert session.scalar(select(func.count()).select_from(Address)) == 0


def test_sending_an_address_again_with_the_same_key_adds_one(book):
    first = book.send("POST", body=HOME, **{"Idempotency-Key": "k1"})
    again = book.send("POST", body=HOME, **{"Idempotency-Key": "k1"})

    assert first.get_json()["data"] == again.get_json()["data"]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(book.all()) == 1


def test_an_address_book_has_a_limit(book, session):
    owner = book.account.id
    with transaction():
        session.add_all(Address(**HOME, user_id=owner) for _ in range(50))

    answer = book.send("POST", body=HOME)

    assert (answer.status_code, answer.get_json()["code"]) == (409, "users.too_many_addresses")
    assert session.scalar(select(func.count()).select_from(Address)) == 50


def test_an_id_that_is_no_uuid_is_not_found(book):
    book.add()

    assert book.send("GET", "/1").status_code == 404
    assert book.send("GET", f"/{UUID(int=0)}").status_code == 404
