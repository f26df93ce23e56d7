"""What use cases need besides a session, made once for each app."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from sqlalchemy.orm import Session

from chassis.database import transaction
from user_service.config import Config
from user_service.services.codes import Codes
from user_service.services.keyring import Keyring
from user_service.services.login_throttle import LoginThrottle
from user_service.services.passwords import Passwords
from user_service.services.signing_keys import KeyPolicy, derive_cipher


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Given to use cases that open transactions themselves, to work between them.

    password_minimum: characters. session_seconds: absolute life of a login.
    """

    transaction: Callable[[], AbstractContextManager[Session]]
    passwords: Passwords
    throttle: LoginThrottle
    keyring: Keyring
    codes: Codes
    password_minimum: int
    session_seconds: int


def build_ports(config: Config) -> Ports:
    """Return the ports that `config` describes; opens no connection."""
    policy = KeyPolicy(config.key_publish_seconds, config.key_rotation_seconds)
    return Ports(
        transaction=transaction,
        passwords=Passwords(concurrency=config.hash_concurrency),
        throttle=LoginThrottle(
            config.redis_url,
            account_limit=config.login_account_limit,
            address_limit=config.login_address_limit,
        ),
        keyring=Keyring(transaction, derive_cipher(config.secret_key), policy),
        codes=Codes(config.secret_key),
        password_minimum=config.password_min_length,
        session_seconds=config.refresh_token_seconds,
    )
