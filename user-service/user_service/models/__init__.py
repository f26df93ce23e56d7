"""Tables, invariants and errors of user-service; no I/O."""

from user_service.models.addresses import Address
from user_service.models.sessions import LoginSession, RefreshToken
from user_service.models.signing_keys import SigningKey
from user_service.models.users import User
from user_service.models.verifications import Verification

__all__ = ["Address", "LoginSession", "RefreshToken", "SigningKey", "User", "Verification"]
