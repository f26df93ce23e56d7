"""Customers are told what happened to them, once, where and how they want it."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import jsonschema
import pytest

Office = Any
ORDER = "0198c5b2-6f3e-7c41-9a57-2d1f0b8e4c63"

NEWS = {
    "order.paid.v1": (
        {"payment_id": ORDER, "amount": 5300, "currency": "GBP"},
        "order_confirmed",
        "paid with 53.00 GBP",
    ),
    "order.rejected.v1": ({"reason": "out_of_stock", "items": []}, "order_rejected", "of stock"),
    "order.cancelled.v1": ({"reason": "requested"}, "order_cancelled", "is cancelled"),
    "order.expired.v1": ({}, "order_expired", "was not paid in time"),
    "order.shipped.v1": (
        {"carrier": "Royal Mail", "tracking_number": "RM1"},
        "order_shipped",
        "with Royal Mail.\r\n\r\nThe parcel's number: RM1",
    ),
    "payment.refunded.v1": (
        {"payment_id": ORDER, "refund_id": ORDER, "amount": 1250, "currency": "GBP",
         "refunded_total": 1250, "reason": "damaged"},
        "refund_issued",
        "given 12.50 GBP back",
    ),
}  # fmt: skip


def event(office: Office, event_type: str) -> dict[str, Any]:
    data = NEWS[event_type][0]
    return {"order_id": ORDER, "customer_id": str(office.customer_id), **data}


def text_of(mail: Any) -> str:
    return str(mail.get_body(("plain",)).get_content()).replace("\r\n", "\n")


@pytest.mark.parametrize("event_type", NEWS)
def test_customer_gets_a_mail_about(
    office: Office, event_schema: Callable[[str], Any], event_type: str
) -> None:
    office.register(office.customer_id)
    office.work()
    data = event(office, event_type)
    schema = event_schema(event_type)
    known = {name: value for name, value in data.items() if name in schema["properties"]}
    jsonschema.validate({**known, **_numbered(schema)}, schema)

    office.send(event_type, {**data, **_numbered(schema)}, ORDER)
    office.work()

    _, template, words = NEWS[event_type]
    assert office.listed()[-1]["template"] == template
    receiver, mail = office.post.mails[-1]
    assert receiver == "mei@example.com"
    assert text_of(mail).startswith("Hello Mei,\n")
    assert words.replace("\r\n", "\n") in text_of(mail)
    assert (_numbered(schema).get("number") or ORDER) in mail["Subject"] + text_of(mail)
    assert office.primary.sent == [], "SMS only for those who chose them"


def _numbered(schema: Any) -> dict[str, str]:
    return {"number": "MF5VM-XG47D"} if "number" in schema["properties"] else {}


def test_order_is_called_by_its_number_also_where_an_event_has_its_id_only(office: Office) -> None:
    office.register(office.customer_id)
    paid = {**event(office, "order.paid.v1"), "number": "MF5VM-XG47D"}
    office.send("order.paid.v1", paid, ORDER)
    office.send("order.expired.v1", event(office, "order.expired.v1"), ORDER)
    office.send("payment.refunded.v1", event(office, "payment.refunded.v1"), ORDER)
    office.work()

    mails = [mail for _, mail in office.post.mails][-3:]
    assert [("MF5VM-XG47D" in text_of(mail), ORDER in text_of(mail)) for mail in mails] == [
        (True, False)
    ] * 3


def test_new_user_is_greeted_in_their_language(office: Office) -> None:
    office.register(office.customer_id, locale="zh-CN", name="梅")
    office.work()

    ((receiver, mail),) = office.post.mails
    assert (receiver, mail["Subject"]) == ("mei@example.com", "欢迎来到Platform")
    assert text_of(mail).startswith("梅，您好！")


def test_news_go_by_sms_where_the_user_chose_that(office: Office) -> None:
    office.register(office.customer_id)
    office.work()
    choices = {"sms_notice": True, "email_notice": False}
    office.call("PATCH", "/preferences", choices, office.customer)

    office.send("order.shipped.v1", event(office, "order.shipped.v1"), ORDER)
    office.work()

    assert len(office.post.mails) == 1
    assert office.primary.sent[0].text.startswith("Platform: your order ")


def test_news_do_not_go_to_a_number_that_was_not_verified(office: Office) -> None:
    office.register(office.customer_id, phone_verified=False)
    office.work()
    office.call("PATCH", "/preferences", {"sms_notice": True}, office.customer)

    office.send("order.expired.v1", event(office, "order.expired.v1"), ORDER)
    office.work()

    assert office.primary.sent == [] and len(office.post.mails) == 2


def test_news_wait_for_a_contact_that_is_not_known_yet(office: Office, clock: Any) -> None:
    office.send("order.paid.v1", event(office, "order.paid.v1"), ORDER)
    assert office.listed() == []
    clock.move(3600)

    office.register(office.customer_id)
    office.work()

    assert [one["template"] for one in office.listed()] == ["order_confirmed", "welcome"]
    assert len(office.post.mails) == 2
    assert office.rows("SELECT count(*) FROM waiting_news") == [(0,)]


def test_event_that_comes_twice_tells_once(office: Office) -> None:
    office.register(office.customer_id)
    event_id = uuid4()

    for _ in range(2):
        office.send("order.paid.v1", event(office, "order.paid.v1"), ORDER, event_id)

    assert len(office.listed("&template=order_confirmed")) == 1


def test_contact_follows_the_user(office: Office) -> None:
    office.register(office.customer_id)
    changed = office.user(office.customer_id, email="new@example.com", role="customer")
    office.send("user.updated.v1", changed, sequence=5)
    office.send("user.updated.v1", {**changed, "email": "old@example.com"}, sequence=4)

    office.send("order.expired.v1", event(office, "order.expired.v1"), ORDER)

    assert office.listed()[-1]["receiver"] == "new@example.com"


def test_event_of_an_older_user_service_is_understood(office: Office) -> None:
    data = office.user(office.customer_id)
    for name in ("locale", "email_verified", "phone_verified"):
        del data[name]

    office.send("user.registered.v1", data)

    assert [one["locale"] for one in office.listed()] == ["en"]


def test_closed_account_gets_no_news(office: Office) -> None:
    office.register(office.customer_id)
    office.send("user.deactivated.v1", {"user_id": str(office.customer_id)}, sequence=9)

    office.send("order.paid.v1", event(office, "order.paid.v1"), ORDER)

    assert [one["template"] for one in office.listed()] == ["welcome"]
    assert office.rows("SELECT count(*) FROM waiting_news") == [(0,)]


def test_owner_is_warned_at_the_old_address_whatever_was_chosen(office: Office) -> None:
    office.register(office.customer_id, email="new@example.com")
    office.call("PATCH", "/preferences", {"email_notice": False}, office.customer)
    office.work()

    warning = {
        "user_id": str(office.customer_id),
        "change": "email_changed",
        "email": "old@example.com",
        "name": "Mei",
        "locale": "en",
    }
    office.send("user.security_changed.v1", warning)
    office.work()

    receiver, mail = office.post.mails[-1]
    assert receiver == "old@example.com"
    assert "the e-mail address of your account was changed" in text_of(mail)


def test_news_that_no_contact_came_for_are_given_up_after_a_week(
    office: Office, clock: Any
) -> None:
    from notification_service.tasks import forget

    office.send("order.paid.v1", event(office, "order.paid.v1"), ORDER)
    clock.move(7 * 86400 + 1)

    with office.app.app_context():
        forget()

    assert office.rows("SELECT count(*) FROM waiting_news") == [(0,)]
