"""Who signed a webhook, and when."""

import hashlib
import hmac
from datetime import UTC, datetime

import pytest

from payment_service.models.errors import SignatureInvalid, WebhookStale
from payment_service.services.webhooks import sign, verify

SECRET = "whsec_test"
BODY = b'{"id":"evt_1"}'
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SENT = int(NOW.timestamp())


def check(header: str, body: bytes = BODY, secret: str = SECRET) -> None:
    verify(secret, header, body, now=NOW, tolerance=300)


def test_signature_is_the_hmac_of_time_dot_body() -> None:
    expected = hmac.new(SECRET.encode(), f"{SENT}.".encode() + BODY, hashlib.sha256).hexdigest()

    assert sign(SECRET, SENT, BODY) == f"t={SENT},v1={expected}"
    check(sign(SECRET, SENT, BODY))


def test_one_of_several_signatures_is_enough_while_a_secret_changes() -> None:
    old = sign("whsec_old", SENT, BODY)
    new = sign(SECRET, SENT, BODY).split(",")[1]

    check(f"{old},{new}")


@pytest.mark.parametrize("offset", [-300, 0, 300])
def test_time_within_the_window_is_accepted(offset: int) -> None:
    check(sign(SECRET, SENT + offset, BODY))


@pytest.mark.parametrize("offset", [-301, 301, 10**9])
def test_time_outside_the_window_is_stale(offset: int) -> None:
    with pytest.raises(WebhookStale):
        check(sign(SECRET, SENT + offset, BODY))


def test_another_body_another_secret_or_another_time_is_refused() -> None:
    good = sign(SECRET, SENT, BODY)
    for header, body in [
        (good, BODY + b" "),
        (sign("whsec_other", SENT, BODY), BODY),
        (good.replace(f"t={SENT}", f"t={SENT + 1}"), BODY),
    ]:
        with pytest.raises(SignatureInvalid):
            check(header, body)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=,v1=",
        "v1=" + "0" * 64,
        f"t={SENT}",
        f"t={SENT},v0=" + "0" * 64,
        f"t={SENT},v1=" + "0" * 63,
        f"t={SENT},v1=" + "G" * 64,
        f"t=-{SENT},v1=" + "0" * 64,
        f"t={SENT},v1=" + "0" * 64 + ",t=1",
        f"t={SENT}" + (",v1=" + "0" * 64) * 6,
        "t=١٢,v1=" + "0" * 64,
    ],
)
def test_malformed_header_is_refused(header: str) -> None:
    with pytest.raises(SignatureInvalid):
        check(header)
