"""The HTTP interface of user-service."""

from user_service.routes import (
    addresses,
    audit,
    me,
    recovery,
    sessions,
    signing_keys,
    users,
    verifications,
)

BLUEPRINTS = (
    sessions.blueprint,
    recovery.blueprint,
    me.blueprint,
    verifications.blueprint,
    addresses.blueprint,
    audit.blueprint,
    signing_keys.blueprint,
    signing_keys.well_known,
    users.blueprint,
)
