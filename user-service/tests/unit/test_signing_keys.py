from datetime import timedelta

import pytest
from cryptography.fernet import InvalidToken

from chassis import clock as platform_clock
from user_service.models.signing_keys import KeyState, SigningKey, newest_active
from user_service.services.signing_keys import derive_cipher, encrypt_pair

NOW = platform_clock.now()


def key(kid, activates, retires=None):
    return SigningKey(
        id=kid,
        kid=kid,
        activates_at=NOW + timedelta(seconds=activates),
        retires_at=None if retires is None else NOW + timedelta(seconds=retires),
    )


@pytest.mark.parametrize(
    ("activates", "retires", "state"),
    [
        (1, None, KeyState.PUBLISHED),
        (0, None, KeyState.ACTIVE),
        (-10, 1, KeyState.ACTIVE),
        (-10, 0, KeyState.RETIRED),
        (1, 10, KeyState.PUBLISHED),
    ],
)
def test_the_state_of_a_key_follows_from_the_clock(activates, retires, state):
    assert key("a", activates, retires).state(NOW) is state


def test_the_newest_active_key_signs():
    keys = [key("old", -100, 50), key("current", -10), key("next", 10), key("gone", -5, -1)]

    signing = newest_active(keys, NOW)

    assert signing is not None
    assert signing.kid == "current"


def test_before_the_first_key_nothing_signs():
    assert newest_active([key("next", 10)], NOW) is None


def test_a_private_key_is_unreadable_without_the_secret(signing_key):
    pair = encrypt_pair(derive_cipher("the secret"), signing_key)

    assert b"PRIVATE KEY" not in pair.private_pem_encrypted
    assert b"PRIVATE KEY" in derive_cipher("the secret").decrypt(pair.private_pem_encrypted)
    with pytest.raises(InvalidToken):
        derive_cipher("another secret").decrypt(pair.private_pem_encrypted)


def test_a_public_key_has_no_private_member_and_is_named_by_its_thumbprint(signing_key):
    cipher = derive_cipher("the secret")
    pair = encrypt_pair(cipher, signing_key)

    assert set(pair.public_jwk) == {"kty", "n", "e", "kid", "use", "alg"}
    assert pair.kid == pair.public_jwk["kid"] == encrypt_pair(cipher, signing_key).kid
    assert len(pair.kid) == 43
