"""What became of a message whose answer was lost, asked of servers that keep books."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from notification_service.providers.port import (
    ErrorClass,
    NeverSeen,
    NotSupported,
    ProviderError,
)


def test_aliyun_finds_a_lost_message_by_our_id(open_line: Callable[[str], Any]) -> None:
    line = open_line("aliyun-acs3")
    provider, sms, began = line.provider(), line.sms(), datetime.now(UTC)
    line.server.next("lose")
    with pytest.raises(ProviderError):
        provider.send(sms)

    waiting = provider.look_up(sms, None, began)
    line.server.messages[0].outcome = "delivered"
    delivered = provider.look_up(sms, line.server.messages[0].provider_id, began)

    assert (waiting.state, waiting.message_id, waiting.provider_id) == ("sent", str(sms.id), "")
    assert (delivered.state, delivered.code) == ("delivered", "DELIVERED")
    assert abs((delivered.at - began).total_seconds()) < 60
    with pytest.raises(NeverSeen):
        provider.look_up(line.sms(), None, began)


def test_tencent_finds_a_lost_message_once_it_is_decided(open_line: Callable[[str], Any]) -> None:
    line = open_line("tencent-tc3")
    provider, sms, began = line.provider(), line.sms(), datetime.now(UTC)
    line.server.next("lose")
    with pytest.raises(ProviderError):
        provider.send(sms)

    assert provider.look_up(sms, None, began) is None
    line.server.messages[0].outcome = "failed"
    found = provider.look_up(sms, None, began)

    assert (found.state, found.kind) == ("failed", ErrorClass.SUPPRESSED)
    assert found.provider_id == line.server.messages[0].provider_id


def test_a_message_that_never_left_was_never_seen(open_line: Callable[[str], Any]) -> None:
    for which in ("aliyun-acs3", "aliyun-v2", "twilio-basic"):
        line = open_line(which)
        provider, sms = line.provider(), line.sms()
        line.server.next("broken")
        with pytest.raises(ProviderError):
            provider.send(sms)

        with pytest.raises(NeverSeen):
            provider.look_up(sms, None, datetime.now(UTC))


def test_behind_a_full_page_a_message_may_still_be(open_line: Callable[[str], Any]) -> None:
    for which, to in (("aliyun-acs3", "13812345678"), ("twilio-basic", "+8613812345678")):
        line = open_line(which)
        began = datetime.now(UTC)
        for number in range(50):
            fields = {"TemplateCode": "SMS_1", "Body": "another"}
            line.server.accept(f"other-{number}", to, fields)

        assert line.provider().look_up(line.sms(), None, began) is None


def test_huawei_cannot_be_asked(open_line: Callable[[str], Any]) -> None:
    line = open_line("huawei-wsse")

    with pytest.raises(NotSupported):
        line.provider().look_up(line.sms(), None, datetime.now(UTC))


def test_twilio_finds_a_lost_message_unless_there_are_two_alike(
    open_line: Callable[[str], Any],
) -> None:
    line = open_line("twilio-basic")
    provider, sms, began = line.provider(), line.sms(), datetime.now(UTC)
    line.server.next("lose")
    with pytest.raises(ProviderError):
        provider.send(sms)

    found = provider.look_up(sms, None, began)
    provider.send(line.sms())

    assert (found.state, found.provider_id) == ("sent", line.server.messages[0].provider_id)
    assert provider.look_up(sms, None, began) is None
    assert provider.look_up(sms, found.provider_id, began).provider_id == found.provider_id


def test_twilio_cannot_tell_where_a_clock_may_be_wrong(open_line: Callable[[str], Any]) -> None:
    line = open_line("twilio-basic")
    provider, sms = line.provider(), line.sms()
    provider.send(sms)

    assert provider.look_up(sms, None, datetime.now(UTC) + timedelta(minutes=5)) is None
    with pytest.raises(NeverSeen):
        provider.look_up(sms, None, datetime.now(UTC) + timedelta(minutes=15))
