"""What a mail server's refusal means for us, and where bounces of what it took go.

Source: RFC 5321, section 4.2 (reply codes), RFC 3463 (enhanced status codes), RFC 4954 (login).
"""

import re
from enum import StrEnum

from notification_service.providers.port import ErrorClass, ProviderError


class Stage(StrEnum):
    """What the server refused."""

    # The connection, our name, or TLS.
    GREETING = "greeting"
    LOGIN = "login"
    SENDER = "sender"
    RECEIVER = "receiver"
    # The mail itself: before its first byte, or after its last.
    DATA = "data"


_ENHANCED = re.compile(r"([245])\.(\d{1,3}\.\d{1,3})\b")
# Addresses, and long numbers as in queue ids and links.
_TELLING = re.compile(r"\S+@\S+|\d{6,}|https?://\S+")
_LONGEST_MESSAGE = 200

# Subject and detail of an enhanced status: nobody is there (any more).
_GONE = frozenset({"1.1", "1.2", "1.3", "1.6", "1.10", "2.1"})
_FULL = "2.2"
# These say no more than the code does.
_VAGUE = frozenset({"0.0", "1.0", "2.0"})
# Codes that mean the mailbox when they answer a receiver without a status that says otherwise.
_NO_MAILBOX = frozenset({550, 551, 553, 556})


def refusal(stage: Stage, code: int, text: bytes, receiver: str = "") -> ProviderError:
    """Return the error that a reply is; its message loses the receiver's address.

    code: 4xx or 5xx; anything else is no answer that SMTP knows, and may be tried again.
    """
    words = text.decode("utf-8", "replace")
    found = _ENHANCED.match(words)
    status = found[2] if found and found[1] == str(code)[:1] else ""
    if code // 100 not in (4, 5):
        return ProviderError(ErrorClass.RETRYABLE, "malformed_answer", f"to {stage}")
    judge = _transient if code < 500 else _permanent
    told = f"{code} {str(code)[0]}.{status}" if status else str(code)
    return ProviderError(judge(stage, code, status), told, _discreet(words, receiver))


def return_path(bounce: str, message_id: str) -> str:
    """Return the envelope's sender: `{id}` in `bounce` becomes the message's id (VERP)."""
    return bounce.replace("{id}", message_id)


def _transient(stage: Stage, code: int, status: str) -> ErrorClass:
    if stage is Stage.LOGIN:
        # 432: the password must be changed first.
        return ErrorClass.CONFIGURATION if code == 432 else ErrorClass.RETRYABLE
    subject = status.partition(".")[0]
    # A full mailbox or greylisting is the receiver's own affair: the server is not ill, and takes
    # the mails of others. 421 is always about the connection.
    personal = subject in ("1", "7") or (not status and code == 450)
    if code != 421 and (subject == "2" or (stage is Stage.RECEIVER and personal)):
        return ErrorClass.THROTTLED_NUMBER
    if code == 454:
        # "TLS not available" at first, later the rate limit of some relays.
        greeting = stage is Stage.GREETING
        return ErrorClass.RETRYABLE if greeting else ErrorClass.THROTTLED_ACCOUNT
    return ErrorClass.THROTTLED_ACCOUNT if subject == "7" else ErrorClass.RETRYABLE


def _permanent(stage: Stage, code: int, status: str) -> ErrorClass:
    if stage not in (Stage.RECEIVER, Stage.DATA):
        return ErrorClass.CONFIGURATION
    if status in _GONE:
        return ErrorClass.INVALID_RECIPIENT
    vague = not status or status in _VAGUE
    if status == _FULL or (code == 552 and vague):
        # Permanent for this try (RFC 3463, section 3.3): people do tidy up.
        return ErrorClass.THROTTLED_NUMBER
    if stage is Stage.RECEIVER and code in _NO_MAILBOX and vague:
        return ErrorClass.INVALID_RECIPIENT
    # Policy, size, content: ends this mail and must not suppress the receiver.
    return ErrorClass.CONFIGURATION


def _discreet(words: str, receiver: str) -> str:
    if receiver:
        words = words.replace(receiver, "#")
    line = " ".join(_TELLING.sub("#", words).split())
    return "".join(one for one in line if one.isprintable())[:_LONGEST_MESSAGE]
