"""The sandbox as an outsider: idempotent by key, its own books, never more than is there."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, create_engine, text

from chassis.money import Money
from payment_service.extensions import Base
from payment_service.providers.port import (
    ActionRequired,
    Approved,
    ChargeRequest,
    Declined,
    FollowUp,
    ProviderTimeout,
    ProviderUnavailable,
)
from payment_service.providers.sandbox import SandboxProvider, tables


@pytest.fixture
def engine(postgres_url: Callable[[str], str]) -> Iterator[Engine]:
    engine = create_engine(postgres_url("sandbox"))
    Base.metadata.create_all(engine, tables=[tables.charges, tables.requests, tables.actions])
    yield engine
    engine.dispose()


@pytest.fixture
def provider(engine: Engine) -> Iterator[SandboxProvider]:
    url = engine.url.render_as_string(hide_password=False)
    provider = SandboxProvider(url, timeout=5, slow_seconds=0.01)
    yield provider
    provider.dispose()


def request(source: str = "tok_success", key: str = "k1", **more: Any) -> ChargeRequest:
    money = Money(more.pop("amount", 500), "EUR")
    return ChargeRequest(key=key, merchant_reference="p1", money=money, source=source, **more)


def books(engine: Engine) -> list[tuple[int, int, int, bool]]:
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT authorized, captured, refunded, open FROM sandbox_charges")
        )
        return [tuple(row) for row in rows]


def test_the_same_key_charges_once_and_answers_the_same(
    provider: SandboxProvider, engine: Engine
) -> None:
    first = provider.charge(request())

    assert provider.charge(request()) == first
    assert provider.lookup("k1") == first
    assert isinstance(first, Approved) and first.amount == 500
    assert books(engine) == [(500, 500, 0, False)]


def test_the_same_key_in_many_threads_charges_once(
    provider: SandboxProvider, engine: Engine, at_once: Callable[..., list[Any]]
) -> None:
    answers = at_once(*[lambda: provider.charge(request())] * 6)

    assert len(set(answers)) == 1
    assert books(engine) == [(500, 500, 0, False)]


@pytest.mark.parametrize("other", [{"amount": 501}, {"source": "tok_success", "kind": "hold"}])
def test_a_key_cannot_be_used_for_another_request(
    provider: SandboxProvider, engine: Engine, other: dict[str, Any]
) -> None:
    provider.charge(request())

    with pytest.raises(Declined) as caught:
        if "kind" in other:
            provider.authorize(request())
        else:
            provider.charge(request(**other))
    assert caught.value.code == "key_reused"
    assert books(engine) == [(500, 500, 0, False)]


def test_a_decline_is_remembered(provider: SandboxProvider, engine: Engine) -> None:
    for ask in (lambda: provider.charge(request("tok_declined")), lambda: provider.lookup("k1")):
        with pytest.raises(Declined) as caught:
            ask()
        assert caught.value.code == "card_declined"
    assert books(engine) == []


def test_timeout_before_takes_nothing_and_timeout_after_takes_all(
    provider: SandboxProvider, engine: Engine
) -> None:
    with pytest.raises(ProviderTimeout):
        provider.charge(request("tok_timeout_before", "before"))
    assert provider.lookup("before") is None
    assert books(engine) == []

    with pytest.raises(ProviderTimeout):
        provider.charge(request("tok_timeout_after", "after"))
    assert isinstance(provider.lookup("after"), Approved)
    assert books(engine) == [(500, 500, 0, False)]


def test_a_closed_key_refuses_the_call_that_comes_late(
    provider: SandboxProvider, engine: Engine
) -> None:
    assert provider.close("k1") is None
    assert provider.close("k1") is None
    assert provider.lookup("k1") is None

    with pytest.raises(Declined) as caught:
        provider.charge(request())
    assert caught.value.code == "key_closed"
    assert books(engine) == []


def test_closing_a_used_key_tells_what_it_did(provider: SandboxProvider, engine: Engine) -> None:
    charged = provider.charge(request())

    assert provider.close("k1") == charged
    assert books(engine) == [(500, 500, 0, False)]


def test_an_action_serves_one_charge(provider: SandboxProvider, engine: Engine) -> None:
    asked = provider.charge(request("tok_requires_action"))
    assert isinstance(asked, ActionRequired)
    assert provider.lookup("k1") == asked

    source = "tok_requires_action"
    done = provider.charge(request(source, "k2", action_reference=asked.reference))
    assert isinstance(done, Approved)
    for key, reference in [("k3", asked.reference), ("k4", "act_of_nobody")]:
        with pytest.raises(Declined) as caught:
            provider.charge(request(source, key, action_reference=reference))
        assert caught.value.code == "action_invalid"
    assert books(engine) == [(500, 500, 0, False)]


def test_an_authorization_is_captured_once_and_not_beyond(
    provider: SandboxProvider, engine: Engine
) -> None:
    held = provider.authorize(request())
    assert isinstance(held, Approved)

    with pytest.raises(Declined):
        provider.capture(FollowUp(key="c0", reference=held.reference, amount=501))
    provider.capture(FollowUp(key="c1", reference=held.reference, amount=300))
    with pytest.raises(Declined):
        provider.capture(FollowUp(key="c2", reference=held.reference, amount=100))
    with pytest.raises(Declined):
        provider.cancel(FollowUp(key="v1", reference=held.reference, amount=500))
    assert books(engine) == [(500, 300, 0, False)]


def test_a_released_authorization_cannot_be_captured(
    provider: SandboxProvider, engine: Engine
) -> None:
    held = provider.authorize(request())
    assert isinstance(held, Approved)
    provider.cancel(FollowUp(key="v1", reference=held.reference, amount=500))

    with pytest.raises(Declined) as caught:
        provider.capture(FollowUp(key="c1", reference=held.reference, amount=500))
    assert caught.value.code == "not_capturable"
    assert books(engine) == [(500, 0, 0, False)]


def test_refunds_stop_at_what_was_captured(
    provider: SandboxProvider, engine: Engine, at_once: Callable[..., list[Any]]
) -> None:
    charge = provider.charge(request())
    assert isinstance(charge, Approved)

    def refund() -> str:
        try:
            provider.refund(FollowUp(key=str(uuid4()), reference=charge.reference, amount=200))
        except Declined as refusal:
            return refusal.code
        return "approved"

    answers = at_once(*[refund] * 4)
    assert sorted(answers) == ["approved", "approved", *["refund_exceeds_charge"] * 2]
    assert books(engine) == [(500, 500, 400, False)]


def test_a_database_that_cannot_be_reached_is_unavailable_not_unknown() -> None:
    nowhere = SandboxProvider(
        "postgresql+psycopg2://nobody@127.0.0.1:1/none", timeout=1, slow_seconds=0
    )

    with pytest.raises(ProviderUnavailable):
        nowhere.charge(request())


def test_a_restart_of_the_database_between_two_calls_is_not_noticed(
    provider: SandboxProvider, engine: Engine
) -> None:
    provider.charge(request())
    with engine.begin() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                # Postgres' own helpers, such as autovacuum, may not be ended.
                " AND backend_type = 'client backend'"
            )
        )

    assert isinstance(provider.charge(request(key="k2")), Approved)


def test_an_error_before_the_commit_certainly_did_nothing(
    provider: SandboxProvider, engine: Engine
) -> None:
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE sandbox_charges"))

    with pytest.raises(ProviderUnavailable):
        provider.charge(request())
    assert provider.lookup("k1") is None
