from datetime import timedelta
from typing import Any
from uuid import UUID

from chassis import clock
from chassis.auth import login_required, principal, roles_required
from chassis.database import transaction
from chassis.idempotency import idempotent
from chassis.pagination import Page, paginate
from chassis.routing import ApiBlueprint
from notification_service.models import Message
from notification_service.models.errors import (
    ChannelNotOffered,
    ContentGone,
    IllegalMove,
    MessageNotFound,
    ParamsInvalid,
    ReceiversInvalid,
    TemplateNotFound,
)
from notification_service.models.receivers import Channel
from notification_service.schemas.messages import (
    EmailSchema,
    MessageDetailSchema,
    MessageQuery,
    MessageSchema,
    SmsSchema,
)
from notification_service.services import messages
from notification_service.services.addressees import read_receivers
from notification_service.services.submit import Submission, submit
from notification_service.wiring import policy

blp = ApiBlueprint(
    "messages", __name__, url_prefix="/api/notifications", description="Messages to customers"
)

Accepted = tuple[list[Message], int, dict[str, str]]


def visible_to() -> UUID | None:
    """Return whose messages the caller may see: their own, or None for everybody's."""
    return None if principal().is_staff else principal().user_id


def _accept(channel: Channel, body: dict[str, Any]) -> Accepted:
    seconds = body["expires_in"]
    with transaction() as session:
        submission = Submission(
            channel=channel,
            template=body["template"],
            params=body["params"],
            addressees=read_receivers(policy(), channel, body["receivers"]),
            locale=body["locale"],
            expires_at=clock.now() + timedelta(seconds=seconds) if seconds else None,
            submitted_by=principal().user_id,
        )
        accepted = submit(session, policy(), submission)
    where = f"/api/notifications?submission_id={accepted[0].submission_id}"
    return accepted, 202, {"Location": where}


@blp.route("/sms", methods=["POST"])
@roles_required("staff", "admin")
@idempotent()
@blp.arguments(SmsSchema)
@blp.response(202, MessageSchema(many=True), message="Messages accepted")
@blp.raises(ReceiversInvalid, ParamsInvalid, ChannelNotOffered, TemplateNotFound)
def post_sms(body: dict[str, Any]) -> Accepted:
    """Send an SMS to one or several mobile numbers.

    Answers one message for each number, in their order. One that is suppressed, does not want it or
    has had too many is `failed` already; where its limit is free again in time, `due_at` says when
    it goes out. One number that is not valid refuses all.
    """
    return _accept(Channel.SMS, body)


@blp.route("/email", methods=["POST"])
@roles_required("staff", "admin")
@idempotent()
@blp.arguments(EmailSchema)
@blp.response(202, MessageSchema(many=True), message="Messages accepted")
@blp.raises(ReceiversInvalid, ParamsInvalid, ChannelNotOffered, TemplateNotFound)
def post_email(body: dict[str, Any]) -> Accepted:
    """Send a mail to one or several addresses; see `POST /sms`."""
    return _accept(Channel.EMAIL, body)


@blp.route("/", methods=["GET"])
@login_required
@blp.arguments(MessageQuery, location="query")
@blp.response(200, MessageSchema(many=True), message="Messages")
def list_messages(query: dict[str, Any]) -> Page[Message]:
    """List messages, newest first: one's own, or everybody's for staff."""
    with transaction() as session:
        found = messages.select_messages(visible_to(), query)
        return paginate(session, found, query, sort=[(Message.id, "desc")])


@blp.route("/<uuid:message_id>", methods=["GET"])
@login_required
@blp.response(200, MessageDetailSchema, message="Message")
@blp.raises(MessageNotFound)
def get_message(message_id: UUID) -> Message:
    """Show a message with its attempts; not what it says."""
    with transaction() as session:
        return messages.get_message(session, message_id, visible_to())


@blp.route("/<uuid:message_id>/resend", methods=["POST"])
@roles_required("staff", "admin")
@idempotent()
@blp.response(202, MessageDetailSchema, message="Message accepted")
@blp.raises(MessageNotFound, IllegalMove, ContentGone)
def resend_message(message_id: UUID) -> tuple[Message, int, dict[str, str]]:
    """Send the same text to the same receiver as a new message.

    Not for codes, which people ask for themselves. An `unknown` message may arrive twice then.
    """
    with transaction() as session:
        again = messages.resend_message(session, policy(), message_id, principal().user_id)
        return again, 202, {"Location": f"/api/notifications/{again.id}"}


@blp.route("/<uuid:message_id>/cancel", methods=["POST"])
@roles_required("staff", "admin")
@idempotent(required=False)
@blp.response(200, MessageDetailSchema, message="Message cancelled")
@blp.raises(MessageNotFound, IllegalMove)
def cancel_message(message_id: UUID) -> Message:
    """Withdraw a message that is still queued."""
    with transaction() as session:
        return messages.cancel_message(session, message_id)
