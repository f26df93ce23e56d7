import jwt
import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, update

from user_service.models import LoginSession, RefreshToken, User
from user_service.models.sessions import token_digest

DAY = 86400


def test_login_gives_a_pair_that_opens_the_own_account(people):
    account = people.register(name="Ada")

    answer = people.me(account)

    assert answer.status_code == 200
    assert answer.get_json()["data"]["name"] == "Ada"


def test_an_access_token_says_who_may_do_what_for_how_long(people):
    account = people.register()

    claims = people.claims(account.access_token)
    header = jwt.get_unverified_header(account.access_token)

    assert (header["alg"], header["kid"]) == ("RS256", "test-key")
    assert (claims["iss"], claims["aud"]) == ("platform", "platform")
    assert (claims["sub"], claims["roles"]) == (str(account.id), ["customer"])
    assert claims["exp"] - claims["iat"] == 900
    assert {"jti", "sid", "iat_ms"} <= set(claims)


def test_the_answer_to_a_login_names_type_and_life(people):
    body = people.registration()
    people.send("POST", "/register", body)

    data = people.tokens(body["email"])

    assert set(data) == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert (data["token_type"], data["expires_in"]) == ("Bearer", 900)


def test_a_refresh_token_is_256_bits_and_stored_as_a_hash(people, session):
    account = people.register()

    stored = session.scalars(select(RefreshToken)).one()

    assert len(account.refresh_token) == 43
    assert stored.token_hash == token_digest(account.refresh_token)
    assert account.refresh_token.encode() not in stored.token_hash


def test_login_compares_addresses_in_canonical_form(people):
    people.register(email="ada@example.com")

    assert people.log_in("ＡＤＡ@Example.COM").status_code == 200


def test_unknown_account_and_wrong_password_get_the_same_answer(people, rows):
    account = people.register()
    before = rows()

    answers = [
        people.log_in(account.email, "wrong password"),
        people.log_in("nobody@example.com", "wrong password"),
        people.log_in("not an address", "wrong password"),
    ]

    for answer in answers:
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    bodies = [{**answer.get_json(), "request_id": None} for answer in answers]
    assert bodies[0] == bodies[1] == bodies[2]
    assert bodies[0]["code"] == "users.invalid_credentials"
    assert rows() == before


def test_unknown_account_and_wrong_password_cost_one_hash_each(people, hashes):
    account = people.register()
    hashes.clear()

    people.log_in(account.email, "wrong password")
    known = list(hashes)
    hashes.clear()
    people.log_in("nobody@example.com", "wrong password")

    assert known == list(hashes) == ["matches"]


def test_a_hash_with_old_parameters_is_replaced_at_the_next_login(people, session):
    account = people.register()
    old = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(people.password)
    session.execute(update(User).values(password_hash=old))

    assert people.log_in(account.email).status_code == 200

    renewed = session.scalars(select(User.password_hash)).one()
    assert renewed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert people.log_in(account.email).status_code == 200


def test_a_refresh_gives_a_new_pair_of_the_same_session(people):
    account = people.register()

    data = people.refresh(account.refresh_token).get_json()["data"]

    assert data["refresh_token"] != account.refresh_token
    assert people.me(data["access_token"]).status_code == 200
    first, second = people.claims(account.access_token), people.claims(data["access_token"])
    assert first["sid"] == second["sid"]
    assert first["jti"] != second["jti"]


def test_a_spent_refresh_token_ends_its_session(people, reasons):
    account = people.register()
    renewed = people.refresh(account.refresh_token).get_json()["data"]

    reused = people.refresh(account.refresh_token)

    assert reused.status_code == 401
    assert reused.get_json()["code"] == "users.invalid_refresh_token"
    assert people.refresh(renewed["refresh_token"]).status_code == 401
    assert people.me(renewed["access_token"]).status_code == 401
    assert people.me(account).status_code == 401
    assert reasons() == ["token_reused"]


def test_reuse_leaves_the_users_other_sessions_alone(people, reasons):
    account = people.register()
    other = people.tokens(account.email)
    people.refresh(account.refresh_token)

    people.refresh(account.refresh_token)

    assert reasons() == ["token_reused", None]
    assert people.me(other["access_token"]).status_code == 200
    assert people.refresh(other["refresh_token"]).status_code == 200


def test_refreshing_does_not_prolong_a_session(people, clock):
    account = people.register()
    token = account.refresh_token
    clock.move(29 * DAY)
    renewed = people.refresh(token)
    assert renewed.status_code == 200
    clock.move(DAY)

    late = people.refresh(renewed.get_json()["data"]["refresh_token"])

    assert late.status_code == 401
    assert late.get_json()["code"] == "users.invalid_refresh_token"


@pytest.mark.parametrize("token", ["x", "A" * 43, "' OR 1=1 --", "ключ"])
def test_an_unknown_refresh_token_is_refused(people, rows, token):
    people.register()
    before = rows()

    answer = people.refresh(token)

    assert answer.status_code == 401
    assert rows() == before


def test_an_access_token_does_not_refresh(people):
    account = people.register()

    answer = people.refresh(account.access_token)

    assert answer.status_code == 422
    assert [problem["field"] for problem in answer.get_json()["errors"]] == ["refresh_token"]


def test_a_login_that_a_password_change_overtakes_is_refused(people, session, overtake):
    account = people.register()
    overtake("matches")

    answer = people.log_in(account.email)

    assert (answer.status_code, answer.get_json()["code"]) == (401, "users.invalid_credentials")
    assert len(session.scalars(select(LoginSession)).all()) == 1


def test_answers_with_tokens_are_not_to_be_stored(people):
    account = people.register()

    answers = [people.log_in(account.email), people.refresh(account.refresh_token)]

    assert [answer.headers["Cache-Control"] for answer in answers] == ["no-store", "no-store"]


def test_no_log_line_holds_a_secret_or_an_address(people, caplog):
    caplog.set_level("DEBUG")
    account = people.register(email="canary@example.com", phone="+447400123456")
    renewed = people.refresh(account.refresh_token).get_json()["data"]
    people.refresh(account.refresh_token)
    for _ in range(7):
        people.log_in(account.email, "a wrong canary")

    lines = " ".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)

    assert "sessions ended" in lines
    assert "login throttled" in lines
    tokens = [account.access_token, account.refresh_token, *map(str, renewed.values())]
    secrets = [people.password, "a wrong canary", "canary@example.com", "+447400123456", *tokens]
    assert [secret for secret in secrets if len(secret) > 10 and secret in lines] == []
