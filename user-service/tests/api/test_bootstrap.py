from dataclasses import replace

import pytest
from sqlalchemy import select

from user_service import bootstrap, wiring
from user_service.models import SigningKey, User
from user_service.models.password_policy import WeakPassword
from user_service.services.administration import create_first_admin

EMAIL, PASSWORD = "Root@Example.com", "a long first password"


def start(app, email=EMAIL, password=PASSWORD):
    with app.app_context():
        return create_first_admin(wiring.ports(), email=email, password=password)


def test_the_first_administrator_can_administer(people, app, published):
    assert start(app)

    token = people.tokens("root@example.com", PASSWORD)["access_token"]
    answer = people.send("GET", "", headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 200
    assert [user["role"] for user in answer.get_json()["data"]] == ["admin"]
    assert [event.type for event in published()] == ["user.registered.v1"]


def test_starting_again_does_not_reset_the_password(people, app, rows):
    start(app)
    before = rows()

    assert not start(app, password="another long password")

    assert rows() == before
    assert people.log_in(EMAIL, PASSWORD).status_code == 200


def test_who_registered_the_address_first_does_not_become_administrator(people, app, session):
    people.send("POST", "/register", people.registration(email="root@example.com"))

    assert not start(app)

    assert session.scalars(select(User.role)).all() == ["customer"]
    assert people.log_in(EMAIL, PASSWORD).status_code == 401


def test_a_weak_first_password_is_refused(app, rows):
    before = rows()

    with pytest.raises(WeakPassword):
        start(app, password="admin123")

    assert rows() == before


def test_a_start_makes_the_first_signing_key_and_administrator(app, session):
    wiring.ports().keyring.forget()
    before = app.config["SETTINGS"]
    app.config["SETTINGS"] = replace(before, admin_email=EMAIL, admin_password=PASSWORD)

    bootstrap.run()
    bootstrap.run()

    app.config["SETTINGS"] = before
    [key] = session.scalars(select(SigningKey)).all()
    assert wiring.ports().keyring.signing_key().kid == key.kid
    wiring.ports().keyring.forget()
    assert session.scalars(select(User.role)).all() == ["admin"]
