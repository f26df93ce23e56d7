"""Each message has its effect once."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, select, text, update
from sqlalchemy.orm import Session

from chassis.messaging import inbox
from chassis.messaging.event import Event
from chassis.messaging.tables import inbox as table

Transaction = Callable[[], AbstractContextManager[Session]]
Handler = Callable[[Session, Event], None]


def test_second_delivery_has_no_effect(
    transaction: Transaction,
    make_event: Callable[..., Event],
    take_effect: Handler,
    effects: Callable[[], list[str]],
) -> None:
    event = make_event(1)
    assert inbox.process(transaction, "products", event, take_effect) is True
    assert inbox.process(transaction, "products", event, take_effect) is False
    assert effects() == ["a:1"]


def test_each_consumer_has_the_effect_of_its_own(
    transaction: Transaction,
    make_event: Callable[..., Event],
    take_effect: Handler,
    effects: Callable[[], list[str]],
) -> None:
    event = make_event(1)
    assert inbox.process(transaction, "products", event, take_effect) is True
    assert inbox.process(transaction, "payments", event, take_effect) is True
    assert effects() == ["a:1", "a:1"]


def test_failed_effect_is_not_remembered(
    transaction: Transaction,
    make_event: Callable[..., Event],
    take_effect: Handler,
    effects: Callable[[], list[str]],
) -> None:
    event = make_event(1)

    def fail(session: Session, event: Event) -> None:
        take_effect(session, event)
        raise RuntimeError("afterwards")

    with pytest.raises(RuntimeError):
        inbox.process(transaction, "products", event, fail)
    assert effects() == []
    assert inbox.process(transaction, "products", event, take_effect) is True
    assert effects() == ["a:1"]


def test_two_deliveries_at_the_same_time_have_one_effect(
    transaction: Transaction,
    make_event: Callable[..., Event],
    take_effect: Handler,
    effects: Callable[[], list[str]],
) -> None:
    event, inside, go_on = make_event(1), threading.Event(), threading.Event()
    outcomes: list[bool] = []

    def slow(session: Session, event: Event) -> None:
        take_effect(session, event)
        inside.set()
        assert go_on.wait(10)

    def deliver(handler: Handler) -> None:
        outcomes.append(inbox.process(transaction, "products", event, handler))

    first = threading.Thread(target=deliver, args=(slow,))
    first.start()
    assert inside.wait(10)
    second = threading.Thread(target=deliver, args=(take_effect,))
    second.start()
    # The second one waits for the first one's row, it does not run beside it.
    second.join(0.2)
    assert second.is_alive()
    go_on.set()
    first.join(10)
    second.join(10)
    assert sorted(outcomes) == [False, True]
    assert effects() == ["a:1"]


def test_deadlock_runs_the_whole_again(
    transaction: Transaction,
    make_event: Callable[..., Event],
    take_effect: Handler,
    effects: Callable[[], list[str]],
) -> None:
    runs: list[int] = []

    def deadlocked_once(session: Session, event: Event) -> None:
        runs.append(1)
        take_effect(session, event)
        if len(runs) == 1:
            session.execute(text("DO $$ BEGIN RAISE deadlock_detected; END $$"))

    assert inbox.process(transaction, "products", make_event(1), deadlocked_once) is True
    assert (len(runs), effects()) == (2, ["a:1"])


def test_purge_forgets_only_old_messages(
    transaction: Transaction,
    engine: Engine,
    make_event: Callable[..., Event],
    take_effect: Handler,
) -> None:
    for consumer in ("products", "payments"):
        inbox.process(transaction, consumer, make_event(1), take_effect)
    with engine.connect() as connection:
        old = update(table).values(processed_at=func.now() - timedelta(days=8))
        connection.execute(old.where(table.c.consumer == "products"))
        assert inbox.purge(connection) == 1
        assert list(connection.scalars(select(table.c.consumer))) == ["payments"]
