"""What happens when two of these come at once, on a real database with real commits."""

import threading

import pytest
from sqlalchemy import func, select, update

from chassis.database import transaction
from chassis.messaging.locks import RELAY_LOCK, held_lock
from chassis.messaging.tables import outbox
from user_service import wiring
from user_service.models import Address, LoginSession, RefreshToken, SigningKey, User
from user_service.services.administration import create_first_admin


def statuses(answers):
    return sorted(answer.status_code for answer in answers)


def test_one_address_registered_twice_at_once_makes_one_account(live_app, live_people, at_once):
    people = [live_people() for _ in range(4)]
    body = people[0].registration()
    spellings = [body, {**body, "email": body["email"].upper()}] * 2

    answers = at_once(
        *(
            lambda person=person, body=body: person.send("POST", "/register", body)
            for person, body in zip(people, spellings, strict=True)
        )
    )

    assert statuses(answers) == [201, 409, 409, 409]
    with live_app.app_context(), transaction() as session:
        assert session.scalar(select(func.count()).select_from(User)) == 1
        types = session.scalars(select(outbox.c.type).order_by(outbox.c.id)).all()
        assert types == ["user.registered.v1", "verification.requested.v1"]


def test_one_refresh_token_used_twice_at_once_has_one_winner_and_ends_the_session(
    live_app, live_people, at_once
):
    first, second = live_people(), live_people()
    account = first.register()
    other = first.tokens(account.email)

    answers = at_once(
        lambda: first.refresh(account.refresh_token), lambda: second.refresh(account.refresh_token)
    )

    assert statuses(answers) == [200, 401]
    [won] = [answer.get_json()["data"] for answer in answers if answer.status_code == 200]
    assert first.refresh(won["refresh_token"]).status_code == 401
    assert first.me(won["access_token"]).status_code == 401
    assert first.refresh(other["refresh_token"]).status_code == 200
    with live_app.app_context(), transaction() as session:
        reasons = select(LoginSession.revocation_reason).order_by(LoginSession.id)
        assert session.scalars(reasons).all() == ["token_reused", None]
        unspent = (
            select(func.count())
            .select_from(RefreshToken)
            .join(LoginSession, LoginSession.id == RefreshToken.session_id)
            .where(RefreshToken.spent_at.is_(None), LoginSession.revoked_at.is_not(None))
        )
        assert session.scalar(unspent) == 1


@pytest.mark.parametrize("attempt", range(5))
def test_a_refresh_during_a_deactivation_leaves_nothing_usable(live_people, at_once, auth, attempt):
    first, second = live_people(), live_people()
    account = first.register()
    path, admin = f"/{account.id}/deactivate", auth(roles=("admin",))

    refreshed, deactivated = at_once(
        lambda: first.refresh(account.refresh_token),
        lambda: second.send("POST", path, headers=admin),
    )

    assert deactivated.status_code == 200
    assert refreshed.status_code in (200, 401)
    if refreshed.status_code == 200:
        pair = refreshed.get_json()["data"]
        assert first.me(pair["access_token"]).status_code == 401
        assert first.refresh(pair["refresh_token"]).status_code == 401


def test_two_new_default_addresses_at_once_leave_one(live_app, live_people, at_once):
    first, second = live_people(), live_people()
    account = first.register()
    address = {
        "recipient": "Ada",
        "line1": "1 Street",
        "city": "London",
        "postal_code": "N1",
        "country": "GB",
        "is_default": True,
    }

    answers = at_once(
        *(
            lambda p=person: p.send("POST", "/me/addresses", address, account.headers)
            for person in (first, second)
        )
    )

    assert statuses(answers) == [201, 201]
    with live_app.app_context(), transaction() as session:
        flags = session.scalars(select(Address.is_default).order_by(Address.is_default)).all()
        assert flags == [False, True]


def test_two_administrators_who_demote_each_other_leave_one(live_app, live_people, at_once, auth):
    first, second = live_people(), live_people()
    accounts = [first.register(), first.register()]
    with live_app.app_context(), transaction() as session:
        session.execute(update(User).values(role="admin"))

    answers = at_once(
        *(
            lambda p=person, a=account: p.send(
                "PUT", f"/{a.id}/role", {"role": "customer"}, auth(roles=("admin",))
            )
            for person, account in zip((first, second), accounts, strict=True)
        )
    )

    assert statuses(answers) == [200, 409]
    with live_app.app_context(), transaction() as session:
        roles = session.scalars(select(User.role).order_by(User.role)).all()
        assert roles == ["admin", "customer"]


def test_three_replicas_make_one_first_administrator(live_app, live_people, at_once):
    def start() -> bool:
        with live_app.app_context():
            return create_first_admin(
                wiring.ports(), email="root@example.com", password="a long first password"
            )

    assert sorted(at_once(start, start, start)) == [False, False, True]

    tokens = live_people().tokens("root@example.com", "a long first password")
    assert live_people().me(tokens["access_token"]).get_json()["data"]["role"] == "admin"


def test_replicas_that_find_a_key_due_publish_one(live_app, live_people, at_once, clock):
    live_people()
    clock.move(31 * 86400)

    def rotate() -> bool:
        with live_app.app_context():
            return wiring.ports().keyring.rotate_if_due() is not None

    assert sorted(at_once(rotate, rotate, rotate)) == [False, False, True]


def test_processes_without_a_key_make_one(live_app, live_people, at_once):
    live_people()
    with live_app.app_context(), transaction() as session:
        session.execute(update(SigningKey).values(private_pem_encrypted=b"unreadable"))
        wiring.ports().keyring._loaded.clear()
        wiring.ports().keyring.forget()

    def sign() -> str:
        with live_app.app_context():
            return wiring.ports().keyring.signing_key().kid

    first, second = at_once(sign, sign)

    assert first == second != "test-key"


def test_a_running_relay_does_not_hold_up_a_rotation(live_app, live_people, auth):
    people = live_people()

    url = live_app.config["SETTINGS"].database_url
    with held_lock(url, RELAY_LOCK, threading.Event(), lambda: None) as lock:
        assert lock is not None
        answer = people.send("POST", "/keys/rotate", headers=auth(roles=("admin",)))

    assert answer.status_code == 201
