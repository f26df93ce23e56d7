"""The HTTP interface of user-service."""

from user_service.routes import addresses, audit, me, sessions, signing_keys, users

BLUEPRINTS = (
    sessions.blueprint,
    me.blueprint,
    addresses.blueprint,
    audit.blueprint,
    signing_keys.blueprint,
    signing_keys.well_known,
    users.blueprint,
)
