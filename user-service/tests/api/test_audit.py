from sqlalchemy import update

from chassis.database import transaction
from user_service.models import RefreshToken, User


def audit(people, auth):
    answer = people.send("GET", "/audit", headers=auth(roles=("admin",)))
    assert answer.status_code == 200
    return answer.get_json()["data"]


def failed(data):
    return {check["name"]: check["detail"] for check in data["checks"] if not check["ok"]}


def test_after_ordinary_use_all_invariants_hold(people, auth):
    ada, eve = people.register(), people.register()
    people.refresh(ada.refresh_token)
    people.send("POST", f"/{eve.id}/deactivate", headers=auth(roles=("admin",)))

    data = audit(people, auth)

    assert failed(data) == {}
    assert data["counts"] == {
        "users": 2,
        "active_users": 1,
        "active_admins": 0,
        "live_sessions": 1,
        "addresses": 0,
    }
    # Two registrations with a code each, a deactivation, and the task that refuses Eve's token.
    assert data["outbox_pending"] == 6


def test_a_closed_account_with_a_session_is_found(people, auth, session, clock):
    people.register()
    with transaction():
        session.execute(update(User).values(status="deactivated", deactivated_at=clock.now()))

    assert failed(audit(people, auth)) == {"closed_accounts_have_no_sessions": {"violations": 1}}


def test_a_session_without_a_usable_token_is_found(people, auth, session, clock):
    people.register()
    with transaction():
        session.execute(update(RefreshToken).values(spent_at=clock.now()))

    assert failed(audit(people, auth)) == {"live_sessions_have_one_usable_token": {"violations": 1}}
