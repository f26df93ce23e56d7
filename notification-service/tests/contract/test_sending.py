"""Our adapters against servers that verify: what arrives, and what is certain when it fails."""

import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from chassis import clock
from notification_service.providers.port import ErrorClass, ProviderError

SECRETS = {
    "aliyun": "ALIYUN_ACCESS_KEY_SECRET",
    "huawei": "HUAWEI_APP_SECRET",
    "tencent": "TENCENT_SECRET_KEY",
    "twilio": "TWILIO_AUTH_TOKEN",
}


def _failure(line: Any, **changes: str) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        line.provider(**changes).send(line.sms())
    return caught.value


def test_a_message_is_accepted_once_under_our_id(line: Any) -> None:
    sms = line.sms()

    submitted = line.provider().send(sms)

    (message,) = line.server.messages
    assert submitted.provider_id == message.provider_id
    assert submitted.state == "sent"
    assert line.server.counts() == {str(sms.id): 1}
    assert line.server.authentications == [line.signature]


def test_many_threads_send_each_message_once(line: Any) -> None:
    provider = line.provider()
    messages = [line.sms() for _ in range(40)]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(provider.send, messages))

    assert line.server.counts() == {str(sms.id): 1 for sms in messages}
    assert len({answer.provider_id for answer in answers}) == 40


def test_a_wrong_secret_is_refused_and_told_nowhere(line: Any) -> None:
    secret = "quite-another-secret"

    error = _failure(line, **{SECRETS[line.name]: secret})

    assert error.kind is ErrorClass.CONFIGURATION
    assert line.server.messages == []
    told = "".join(traceback.format_exception(error))
    for private in (secret, "13812345678", "734512", "Neill"):
        assert private not in told


@pytest.mark.parametrize(
    ("which", "seconds", "code"),
    [
        ("aliyun-acs3", 16 * 60, "InvalidTimeStamp.Expired"),
        ("aliyun-v2", -32 * 60, "InvalidTimeStamp.Expired"),
        ("huawei-wsse", 25 * 3600, "E000103"),
        ("tencent-tc3", -301, "AuthFailure.SignatureExpire"),
    ],
)
def test_a_clock_that_is_off_is_refused(
    which: str, seconds: float, code: str, open_line: Callable[[str], Any]
) -> None:
    line = open_line(which)
    clock.move(seconds)

    error = _failure(line)

    assert (error.kind, error.code) == (ErrorClass.CONFIGURATION, code)
    assert line.server.messages == []


@pytest.mark.parametrize(
    ("which", "code"),
    [
        ("aliyun-acs3", "SignatureNonceUsed"),
        ("aliyun-v2", "SignatureNonceUsed"),
        ("huawei-wsse", "E000101"),
    ],
)
def test_a_request_that_is_replayed_is_refused(
    which: str, code: str, open_line: Callable[[str], Any]
) -> None:
    line = open_line(which)
    line.provider().send(line.sms())
    (sent,) = line.server.requests

    url = f"{line.server.url}{sent.path}?{sent.query}"
    requests.post(url, data=sent.body, headers=dict(sent.headers), timeout=5)

    assert line.server.refusals == [code]
    assert len(line.server.messages) == 1


@pytest.mark.parametrize("which", ["aliyun-acs3", "aliyun-v2", "tencent-tc3"])
def test_a_message_that_is_changed_on_its_way_is_refused(
    which: str, open_line: Callable[[str], Any]
) -> None:
    line = open_line(which)
    line.provider().send(line.sms())
    (sent,) = line.server.requests

    url = f"{line.server.url}/?{sent.query.replace('734512', '734513')}"
    body = sent.body.replace(b"734512", b"734513")
    requests.post(url, data=body, headers=dict(sent.headers), timeout=5)

    (refusal,) = line.server.refusals
    assert refusal in ("SignatureDoesNotMatch", "AuthFailure.SignatureFailure")
    assert len(line.server.messages) == 1


def test_a_passing_failure_may_be_tried_again(line: Any) -> None:
    provider, sms = line.provider(), line.sms()
    line.server.next("fail")

    with pytest.raises(ProviderError) as caught:
        provider.send(sms)
    provider.send(sms)

    assert caught.value.kind is ErrorClass.RETRYABLE
    assert line.server.counts() == {str(sms.id): 1}


def test_throttling_is_told_from_failure(line: Any) -> None:
    line.server.next("throttle")

    assert _failure(line).kind is ErrorClass.THROTTLED_ACCOUNT
    assert line.server.messages == []


def test_a_proxy_that_fails_leaves_the_message_unknown(line: Any) -> None:
    line.server.next("broken")

    error = _failure(line)

    assert (error.kind, error.code) == (ErrorClass.UNKNOWN, "http_502")


def test_a_redirect_is_not_followed(line: Any) -> None:
    line.server.next("redirect")

    error = _failure(line)

    assert (error.kind, error.code) == (ErrorClass.CONFIGURATION, "http_302")
    assert len(line.server.requests) == 1


def test_an_answer_that_nobody_understands_leaves_the_message_unknown(line: Any) -> None:
    line.server.next("babble")

    error = _failure(line)

    assert (error.kind, error.code) == (ErrorClass.UNKNOWN, "malformed_answer")


def test_a_retry_after_is_handed_on(line: Any) -> None:
    line.server.next("overload")

    error = _failure(line)

    assert (error.kind, error.retry_after) == (ErrorClass.RETRYABLE, 7.0)


def test_no_answer_in_time_leaves_the_message_unknown(line: Any) -> None:
    line.server.next("hang")

    error = _failure(line, SMS_READ_TIMEOUT="0.15")

    assert (error.kind, error.code) == (ErrorClass.UNKNOWN, "timeout")
    assert line.server.messages == []


@pytest.mark.parametrize(
    ("act", "code", "patience"),
    [("lose", "connection_lost", "20"), ("lose_slowly", "timeout", "0.15")],
)
def test_a_lost_answer_leaves_the_message_unknown_and_accepted_once(
    act: Any, code: str, patience: str, line: Any, eventually: Callable[..., Any]
) -> None:
    line.server.next(act)

    error = _failure(line, SMS_READ_TIMEOUT=patience)

    assert (error.kind, error.code) == (ErrorClass.UNKNOWN, code)
    eventually(lambda: len(line.server.messages) == 1)
    assert len(line.server.requests) == 1


def test_a_provider_that_cannot_be_reached_has_nothing(line: Any) -> None:
    provider = line.provider()
    line.server.__exit__()

    with pytest.raises(ProviderError) as caught:
        provider.send(line.sms())

    assert (caught.value.kind, caught.value.code) == (ErrorClass.RETRYABLE, "connection")


@pytest.mark.parametrize(
    ("to", "kind"),
    [
        ("+15005550001", ErrorClass.INVALID_RECIPIENT),
        ("+15005550002", ErrorClass.INVALID_RECIPIENT),
        ("+15005550003", ErrorClass.CONFIGURATION),
        ("+15005550004", ErrorClass.SUPPRESSED),
        ("+15005550009", ErrorClass.INVALID_RECIPIENT),
    ],
)
def test_the_numbers_of_twilios_test_credentials_fail_as_documented(
    to: str, kind: ErrorClass, open_line: Callable[[str], Any]
) -> None:
    line = open_line("twilio-basic")

    with pytest.raises(ProviderError) as caught:
        line.provider().send(line.sms(to=to))

    assert caught.value.kind is kind
    assert to not in str(caught.value)
