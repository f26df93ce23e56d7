"""What can go wrong with messages, with the HTTP meaning of each."""

from chassis.exceptions import BadRequest, Conflict, Forbidden, NotFound, Unprocessable


class MessageNotFound(NotFound):
    """There is no such message."""

    code = "notifications.not_found"


class TemplateNotFound(NotFound):
    """There is no such template."""

    code = "notifications.template_not_found"


class SuppressionNotFound(NotFound):
    """There is no such suppression."""

    code = "notifications.suppression_not_found"


class IllegalMove(Conflict):
    """The message's state does not allow this."""

    code = "notifications.illegal_move"


class ContentGone(Conflict):
    """The content of this message is no longer kept: submit a new one."""

    code = "notifications.content_gone"


class ReceiversInvalid(Unprocessable):
    """Some receivers cannot get this message; `errors` names them."""

    code = "notifications.receivers_invalid"


class ParamsInvalid(Unprocessable):
    """The params do not fit the template; `errors` names them."""

    code = "notifications.params_invalid"


class ChannelNotOffered(Unprocessable):
    """The template has no text for this channel."""

    code = "notifications.channel_not_offered"


class ReceiptRejected(Forbidden):
    """This is no receipt of that provider."""

    code = "notifications.receipt_rejected"


class LinkInvalid(BadRequest):
    """This link is not valid."""

    code = "notifications.link_invalid"
