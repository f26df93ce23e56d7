"""A provider that cannot be reached, stays silent or says no where it should not."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from payment_service.providers.port import (
    ActionRequired,
    Approved,
    Declined,
    ProviderTimeout,
    ProviderUnavailable,
)

Till = Any
Types = Callable[[], list[str]]
Answer = Approved | ActionRequired | None | Exception


@dataclass
class ScriptedProvider:
    """Answers each method from a list, the last answer for ever; counts the calls."""

    script: dict[str, list[Answer]]
    calls: list[str] = field(default_factory=list)

    def __getattr__(self, method: str) -> Callable[[Any], Any]:
        if method.startswith("_") or method == "discrepancies":
            raise AttributeError(method)

        def answer(_request: Any) -> Any:
            self.calls.append(method)
            answers = self.script[method]
            result = answers.pop(0) if len(answers) > 1 else answers[0]
            if isinstance(result, Exception):
                raise result
            return result

        return answer


def install(till: Till, **script: list[Answer]) -> ScriptedProvider:
    till.provider = ScriptedProvider(script)
    return till.provider


def test_unreachable_provider_is_called_again_after_a_growing_pause(
    till: Till, clock: Any, types: Types
) -> None:
    answers = [ProviderUnavailable(), ProviderUnavailable(), Approved("ch_1", 1999)]
    provider = install(till, charge=answers)
    payment_id = till.start(till.order())
    till.work()
    assert till.status(payment_id) == "processing"
    assert till.sweep() == 0

    clock.move(2)
    assert till.sweep() == 1
    clock.move(2)
    assert till.sweep() == 0
    clock.move(2)
    assert till.sweep() == 1

    assert till.status(payment_id) == "succeeded"
    assert provider.calls == ["charge"] * 3
    assert types() == ["payment.succeeded.v1"]


def test_provider_that_stays_unreachable_fails_the_charge(
    till: Till, clock: Any, types: Types
) -> None:
    provider = install(till, charge=[ProviderUnavailable()])
    payment_id = till.start(till.order())
    till.work()
    for _ in range(10):
        clock.move(60)
        till.sweep()

    payment = till.payment(payment_id)
    assert (payment["status"], payment["failure"]["code"]) == ("failed", "provider_unavailable")
    assert len(provider.calls) == till.timing.retry_limit == len(payment["attempts"])
    assert types() == ["payment.failed.v1"]


def test_refund_is_tried_until_the_provider_is_back(till: Till, clock: Any) -> None:
    payment = till.pay()
    sandbox = till.provider
    install(till, refund=[ProviderUnavailable()])
    till.refund(payment["id"], 100)
    till.work()
    for _ in range(20):
        clock.move(61)
        till.sweep()
    till.provider = sandbox
    clock.move(61)
    till.sweep()

    assert till.charges(payment["id"]) == [(1999, 1999, 100)]
    assert till.payment(payment["id"])["refunded_amount"] == 100


def test_refund_without_an_answer_is_looked_up_before_it_is_sent_again(
    till: Till, clock: Any
) -> None:
    payment = till.pay()
    provider = install(
        till,
        refund=[ProviderTimeout(), Approved("ch_1", 100)],
        lookup=[None, Approved("ch_1", 100)],
    )
    till.refund(payment["id"], 100)
    till.work()
    for _ in range(3):
        clock.move(2)
        till.sweep()

    assert provider.calls == ["refund", "lookup", "refund"]
    assert till.payment(payment["id"])["refunded_amount"] == 100
    assert till.ledger(payment["id"])[2:] == [("income:refunds", 100), ("assets:provider", -100)]


def test_silence_about_a_lookup_decides_nothing(till: Till, clock: Any, types: Types) -> None:
    provider = install(
        till, charge=[ProviderTimeout()], lookup=[ProviderTimeout(), ProviderUnavailable()]
    )
    payment_id = till.start(till.order())
    till.work()
    for _ in range(5):
        clock.move(3600)
        till.sweep()

    assert till.status(payment_id) == "unknown"
    assert provider.calls == ["charge"] + ["lookup"] * 5
    assert types() == []


def test_silence_about_the_closing_keeps_the_payment_unknown(till: Till, clock: Any) -> None:
    provider = install(
        till, charge=[ProviderTimeout()], lookup=[None], close=[ProviderTimeout(), None]
    )
    payment_id = till.start(till.order())
    till.work()
    clock.move(3600)
    till.sweep()
    assert till.status(payment_id) == "unknown"

    clock.move(3600)
    till.sweep()
    assert till.status(payment_id) == "failed"
    assert provider.calls == ["charge", "lookup", "close", "lookup", "close"]


def test_closing_that_finds_the_charge_applies_it(till: Till, clock: Any) -> None:
    install(till, charge=[ProviderTimeout()], lookup=[None], close=[Approved("ch_1", 1999)])
    payment_id = till.start(till.order())
    till.work()
    clock.move(3600)
    till.sweep()

    assert till.status(payment_id) == "succeeded"


def test_refused_refund_frees_its_amount(till: Till, types: Types) -> None:
    payment = till.pay()
    sandbox = till.provider
    install(till, refund=[Declined("account_closed", "The account is closed.")])
    till.refund(payment["id"])
    till.work()
    till.provider = sandbox

    [refund] = till.get(f"/{payment['id']}/refunds").get_json()["data"]
    assert (refund["status"], refund["failure_code"]) == ("failed", "account_closed")
    assert types() == ["payment.succeeded.v1"]
    assert till.refund(payment["id"]).status_code == 202


def test_refused_capture_fails_the_payment(till: Till, types: Types) -> None:
    install(
        till,
        authorize=[Approved("ch_1", 1999)],
        capture=[Declined("authorization_expired", "The authorization has expired.")],
    )
    payment_id = till.pay(method="manual")["id"]
    till.post(f"/{payment_id}/capture", {}, till.staff)
    till.work()

    assert till.payment(payment_id)["failure"]["code"] == "authorization_expired"
    assert types() == ["payment.failed.v1"]


def test_refused_void_leaves_nothing_held_and_ends(till: Till) -> None:
    install(
        till,
        authorize=[Approved("ch_1", 1999)],
        cancel=[Declined("authorization_expired", "The authorization has expired.")],
    )
    payment = till.pay(method="manual")
    till.close(payment["order_id"])
    till.work()

    assert till.status(payment["id"]) == "canceled"
    assert till.tasks() == []


@pytest.mark.parametrize("error", [RuntimeError("a defect"), KeyError("id")])
def test_defect_in_a_provider_is_looked_up_like_a_death(
    till: Till, clock: Any, error: Exception
) -> None:
    install(till, charge=[error], lookup=[Approved("ch_1", 1999)])
    payment_id = till.start(till.order())
    with pytest.raises(type(error)):
        till.work()
    assert till.status(payment_id) == "processing"

    clock.move(till.timing.lease.total_seconds())
    till.sweep()
    assert till.status(payment_id) == "succeeded"


def test_pause_between_calls_has_an_upper_bound(till: Till, clock: Any) -> None:
    provider = install(till, refund=[ProviderUnavailable()])
    sandbox_payment = till.start(till.order())
    till.provider = ScriptedProvider({"charge": [Approved("ch_1", 1999)]})
    till.work()
    till.provider = provider
    till.refund(sandbox_payment)
    till.work()
    for _ in range(15):
        clock.move(timedelta(minutes=1).total_seconds())
        till.sweep()

    assert provider.calls == ["refund"] * 16
