"""Receipts as each provider posts them, made by the verifying servers."""

from collections.abc import Callable
from typing import Any

import pytest

from notification_service.providers.port import ErrorClass, ReceiptRefused

CALLBACK = "https://shop.example/api/notifications/receipts/twilio"


@pytest.mark.parametrize("delivered", [True, False])
def test_a_receipt_names_message_number_and_outcome(delivered: bool, line: Any) -> None:
    provider, sms = line.provider(), line.sms()
    provider.send(sms)
    (message,) = line.server.messages
    push = line.server.receipt(message, delivered=delivered, callback=CALLBACK)

    (receipt,) = provider.read_receipts(push.headers, push.body, push.url)

    assert (receipt.provider_id, receipt.receiver) == (message.provider_id, sms.to)
    # Tencent echoes nothing of ours in what it pushes.
    assert receipt.message_id == (None if line.name == "tencent" else str(sms.id))
    assert receipt.state == ("delivered" if delivered else "failed")
    assert receipt.kind is (None if delivered else ErrorClass.SUPPRESSED)


def test_what_is_no_receipt_is_refused(line: Any) -> None:
    provider = line.provider()

    for body in (b"", b"{}", b"[1]", b"[{}]", b"status=", b"\xff", b"a=%FF", b"[" * 100_000):
        with pytest.raises(ReceiptRefused):
            provider.read_receipts({}, body, CALLBACK)


def test_a_receipt_that_twilio_did_not_sign_is_refused(open_line: Callable[[str], Any]) -> None:
    line = open_line("twilio-basic")
    provider = line.provider()
    provider.send(line.sms())
    push = line.server.receipt(line.server.messages[0], delivered=True, callback=CALLBACK)

    for headers, body, url in (
        ({}, push.body, push.url),
        (push.headers, push.body.replace(b"delivered", b"undelivered"), push.url),
        (push.headers, push.body, push.url[:-1] + "x"),
    ):
        with pytest.raises(ReceiptRefused):
            provider.read_receipts(headers, body, url)
