import json
from datetime import timedelta

import jwt
import pytest
from jwt.algorithms import RSAAlgorithm
from sqlalchemy import select, update

from chassis.auth import KEY_SET
from chassis.database import transaction
from chassis.tokens import KeySet
from user_service import wiring
from user_service.models import SigningKey
from user_service.services.signing_keys import derive_cipher, purge_retired_keys

ONE_US = timedelta(microseconds=1)
PUBLISH, ACCESS, SKEW, ROTATION = 900, 900, 60, 30 * 86400


@pytest.fixture
def own_keys(app, clock):
    """Verify with user-service's own key set, cached as in production but by the tests' clock."""
    before = app.extensions[KEY_SET]
    start = clock.now()

    def load():
        return {"keys": wiring.ports().keyring.public_keys()}

    app.extensions[KEY_SET] = KeySet(load, lambda: (clock.now() - start).total_seconds())
    yield
    app.extensions[KEY_SET] = before


def published_kids(people):
    answer = people.client.get("/.well-known/jwks.json")
    return [key["kid"] for key in answer.get_json()["keys"]]


def kid_of(token):
    return jwt.get_unverified_header(token)["kid"]


def rotate(people, auth):
    answer = people.send("POST", "/keys/rotate", headers=auth(roles=("admin",)))
    assert answer.status_code == 201, answer.get_json()
    return answer.get_json()["data"]


def test_the_key_set_is_public_cacheable_and_bare(people):
    answer = people.client.get("/.well-known/jwks.json")

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert answer.mimetype == "application/json"
    [key] = answer.get_json()["keys"]
    assert set(key) == {"kty", "n", "e", "kid", "use", "alg"}


def test_tokens_verify_with_the_key_set_alone(people):
    account = people.register()
    [key] = people.client.get("/.well-known/jwks.json").get_json()["keys"]

    public = RSAAlgorithm.from_jwk(json.dumps(key))
    claims = jwt.decode(account.access_token, public, ["RS256"], audience="platform")

    assert claims["sub"] == str(account.id)


def test_a_new_key_is_published_before_it_signs(people, auth, clock, own_keys):
    account = people.register()
    new = rotate(people, auth)

    assert published_kids(people) == ["test-key", new["kid"]]
    assert kid_of(people.tokens(account.email)["access_token"]) == "test-key"

    clock.move(PUBLISH)
    token = people.tokens(account.email)["access_token"]
    assert kid_of(token) == new["kid"]
    assert people.me(token).status_code == 200


def test_tokens_of_the_old_key_are_good_until_they_expire(people, auth, clock, own_keys):
    account = people.register()
    rotate(people, auth)
    clock.move(PUBLISH - 1)
    last = people.refresh(account.refresh_token).get_json()["data"]["access_token"]
    assert kid_of(last) == "test-key"

    clock.move(ACCESS)

    assert "test-key" in published_kids(people)
    assert people.me(last).status_code == 200


def test_an_old_key_leaves_the_set_when_no_token_can_carry_it(people, auth, clock):
    people.register()
    new = rotate(people, auth)

    clock.move(PUBLISH + ACCESS + SKEW)

    assert published_kids(people) == [new["kid"]]


def test_two_rotations_in_a_row_keep_every_key_until_its_tokens_are_gone(people, auth, clock):
    first, second = rotate(people, auth), rotate(people, auth)

    assert published_kids(people) == ["test-key", first["kid"], second["kid"]]
    clock.move(PUBLISH + 1)
    assert kid_of(people.register().access_token) == second["kid"]
    clock.move(ACCESS + SKEW)
    assert published_kids(people) == [second["kid"]]


def test_a_key_is_replaced_when_it_is_old_enough(people, app, clock):
    with app.app_context():
        keyring = wiring.ports().keyring
        clock.move(ROTATION - 1)
        assert keyring.rotate_if_due() is None
        clock.move(1)
        assert keyring.rotate_if_due() is not None
        assert keyring.rotate_if_due() is None

    assert len(published_kids(people)) == 2


def test_the_first_key_signs_at_once(people, app, own_keys, session):
    with transaction():
        session.execute(update(SigningKey).values(retires_at=SigningKey.activates_at + ONE_US))
        wiring.ports().keyring.forget()

    account = people.register()

    [kid] = published_kids(people)
    assert kid == kid_of(account.access_token) != "test-key"
    assert people.me(account).status_code == 200


def test_after_the_secret_was_replaced_a_new_key_signs_and_old_tokens_stay_good(
    people, app, session, own_keys, clock, signing_key
):
    account = people.register()
    other = derive_cipher("another secret").encrypt(b"unreadable here")
    with transaction():
        session.execute(update(SigningKey).values(private_pem_encrypted=other))
    keyring = wiring.ports().keyring
    keyring._loaded.clear()
    keyring.forget()

    token = people.tokens(account.email)["access_token"]

    assert kid_of(token) in published_kids(people)
    assert kid_of(token) != "test-key"
    clock.move(31)  # A verifier asks again for an unknown key after 30 s.
    assert people.me(token).status_code == 200
    assert people.me(account).status_code == 200


def test_retired_keys_are_deleted_after_a_week(people, auth, clock, session):
    new = rotate(people, auth)
    clock.move(PUBLISH + ACCESS + SKEW + 7 * 86400 - 1)
    with transaction():
        assert purge_retired_keys(session) == 0
    clock.move(2)
    with transaction():
        assert purge_retired_keys(session) == 1

    assert session.scalars(select(SigningKey.kid)).all() == [new["kid"]]


@pytest.mark.parametrize(
    "kid", ["../../dev/null", "' OR 1=1", "http://evil.example/jwks", "x" * 10_000, None]
)
def test_a_token_with_a_strange_key_id_is_refused(people, signing_key, kid):
    headers = {} if kid is None else {"kid": kid}
    token = jwt.encode({"sub": "x"}, signing_key, "RS256", headers=headers)

    answer = people.me(token)

    assert (answer.status_code, answer.get_json()["code"]) == (401, "token_invalid")
