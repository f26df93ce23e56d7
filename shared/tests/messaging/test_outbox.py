"""Events and tasks are written with the change that causes them."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, func, insert, select, update
from sqlalchemy.orm import Session

from chassis.messaging import outbox
from chassis.messaging.event import MalformedEvent
from chassis.messaging.tables import outbox as table
from chassis.request_id import set_request_id
from chassis.tracing import set_traceparent

Transaction = Callable[[], AbstractContextManager[Session]]
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_recorded_event_is_pending_with_the_ids_of_its_request(
    transaction: Transaction, engine: Engine
) -> None:
    order_id = uuid4()
    set_request_id("request-0001")
    set_traceparent(TRACE)
    try:
        with transaction() as session:
            event_id = outbox.record(session, "order.placed.v1", order_id, {"order_id": "1"})
    finally:
        set_request_id(None)
        set_traceparent(None)
    with engine.connect() as connection:
        (row,) = connection.execute(select(table)).all()
        assert outbox.count_pending(connection) == 1
    event = outbox.to_event(row, "/orders")
    assert (event.id, event.type, event.subject) == (event_id, "order.placed.v1", str(order_id))
    assert (event.source, event.data) == ("/orders", {"order_id": "1"})
    assert (event.request_id, event.traceparent) == ("request-0001", TRACE)
    assert (row.kind, row.attempts, row.sent_at) == ("event", 0, None)
    assert event_id.version == 7


def test_enqueued_task_carries_its_arguments(transaction: Transaction, engine: Engine) -> None:
    with transaction() as session:
        task_id = outbox.enqueue(session, "payments.charge", payment_id="7", amount=100)
    with engine.connect() as connection:
        (row,) = connection.execute(select(table)).all()
    assert (row.kind, row.event_id, row.type) == ("task", task_id, "payments.charge")
    assert (row.payload, row.headers) == ({"payment_id": "7", "amount": 100}, {})


def test_rolled_back_change_leaves_no_event(transaction: Transaction, engine: Engine) -> None:
    with pytest.raises(RuntimeError), transaction() as session:
        outbox.record(session, "order.placed.v1", "1", {})
        raise RuntimeError
    with engine.connect() as connection:
        assert outbox.count_pending(connection) == 0


def test_type_without_version_is_refused(transaction: Transaction, engine: Engine) -> None:
    with pytest.raises(MalformedEvent), transaction() as session:
        outbox.record(session, "order.placed", "1", {})
    with engine.connect() as connection:
        assert outbox.count_pending(connection) == 0


def test_purge_forgets_only_what_was_sent_long_ago(
    transaction: Transaction, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "PURGE_BATCH", 2)
    ids: list[UUID] = []
    with transaction() as session:
        ids += [outbox.record(session, "order.placed.v1", str(n), {}) for n in range(7)]
    with engine.connect() as connection:
        old = update(table).values(sent_at=func.now() - timedelta(days=8))
        connection.execute(old.where(table.c.event_id.in_(ids[:5])))
        connection.execute(
            update(table).values(sent_at=func.now()).where(table.c.event_id == ids[5])
        )
        assert outbox.purge_sent(connection) == 5
        assert set(connection.scalars(select(table.c.event_id))) == set(ids[5:])


def test_event_ids_are_unique(transaction: Transaction, engine: Engine) -> None:
    with transaction() as session:
        outbox.record(session, "order.placed.v1", "1", {})
    with engine.connect() as connection:
        row = connection.execute(select(table)).one()._asdict()
        del row["id"]
        with pytest.raises(Exception, match="uq_outbox_event_id"):
            connection.execute(insert(table).values(row))
