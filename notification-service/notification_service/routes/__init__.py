from notification_service.routes import (
    audit,
    inbox,
    messages,
    preferences,
    receipts,
    suppressions,
    templates,
    unsubscribe,
)

BLUEPRINTS = (
    messages.blp,
    templates.blp,
    preferences.blp,
    suppressions.blp,
    receipts.blp,
    unsubscribe.blp,
    inbox.blp,
    audit.blp,
)
