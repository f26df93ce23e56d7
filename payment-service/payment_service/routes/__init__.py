from payment_service.routes import audit, payments, refunds, webhooks

BLUEPRINTS = (payments.blp, refunds.blp, webhooks.blp, audit.blp)
