"""Claims about concurrency, with threads on the real database and real commits.

One file, for its fixtures.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from chassis.database import reading, transaction
from chassis.exceptions import ServiceError
from chassis.messaging.tables import outbox
from product_service.models import Reservation, StockMovement, stock_levels
from product_service.schemas.imports import FileRows
from product_service.services import imports, products, reservations
from product_service.services.audit import audit_stock
from product_service.services.stock import adjust_stock

ACTOR = uuid4()


@pytest.fixture
def together(live_app):
    """Run functions of a session at the same moment, each in its own thread and transaction."""

    def run(*works):
        barrier = threading.Barrier(len(works))

        def one(work):
            with live_app.app_context():
                barrier.wait(timeout=30)
                try:
                    with transaction() as session:
                        return work(session)
                except ServiceError as error:
                    return error

        with ThreadPoolExecutor(len(works)) as pool:
            return list(pool.map(one, works))

    return run


@pytest.fixture
def stocked(live_app):
    """Commit a product with so many units; returns its id."""

    def make(units, **changes):
        draft = {
            "sku": f"SKU-{uuid4().hex}",
            "name": "Cup",
            "description": "",
            "price_amount": 100,
            "currency": "GBP",
            "attributes": {},
            "images": [],
            **changes,
        }
        with live_app.app_context(), transaction() as session:
            return products.create_product(session, draft, initial_stock=units, actor_id=ACTOR).id

    return make


@pytest.fixture
def look(live_app):
    """Run a query and return its rows."""

    def run(statement):
        with live_app.app_context(), reading() as connection:
            return [tuple(row) for row in connection.execute(statement)]

    return run


@pytest.fixture
def sound(live_app):
    """Assert that the audit finds nothing."""

    def check():
        with live_app.app_context(), transaction() as session:
            assert [entry for entry in audit_stock(session)["checks"] if not entry["ok"]] == []

    return check


def told(look):
    """Return how many events of each type about stock were recorded."""
    about_stock = outbox.c.type.like("stock.%")
    query = select(outbox.c.type, func.count()).where(about_stock).group_by(outbox.c.type)
    return dict(look(query))


def level(look, product_id):
    columns = (stock_levels.c.on_hand, stock_levels.c.reserved)
    [found] = look(select(*columns).where(stock_levels.c.product_id == product_id))
    return found


def reserve(order_id, wanted):
    return lambda session: reservations.reserve_stock(session, order_id, wanted, ttl=60)


def test_the_last_unit_has_one_winner(together, stocked, look, sound):
    cup = stocked(1)
    together(*(reserve(uuid4(), {cup: 1}) for _ in range(8)))
    assert told(look) == {"stock.reserved.v1": 1, "stock.rejected.v1": 7}
    assert level(look, cup) == (1, 1)
    sound()


def test_crossing_orders_queue_instead_of_deadlocking(together, stocked, look, sound):
    items = [stocked(1_000) for _ in range(12)]
    # No retry of the chassis is in between: a deadlock would raise here.
    for _ in range(5):
        forwards = dict.fromkeys(items, 1)
        backwards = dict.fromkeys(reversed(items), 1)
        together(*(reserve(uuid4(), wanted) for wanted in (forwards, backwards) * 4))
    assert told(look) == {"stock.reserved.v1": 40}
    assert {level(look, product_id) for product_id in items} == {(1_000, 40)}
    sound()


def test_sales_returns_and_reservations_cross_without_deadlock(together, stocked, look, sound):
    items = [stocked(1_000) for _ in range(8)]
    backwards = dict.fromkeys(reversed(items), 1)
    for _ in range(4):
        orders = [uuid4() for _ in range(6)]
        together(*(reserve(order_id, dict.fromkeys(items, 2)) for order_id in orders))
        together(
            *(lambda s, o=o: reservations.commit_reservation(s, o) for o in orders[:3]),
            *(
                lambda s, o=o: reservations.release_reservation(s, o, "cancelled")
                for o in orders[2:]
            ),
            reserve(uuid4(), backwards),
        )
    sound()
    # Of each round two sales stay, the contested one was returned, and one more is reserved.
    assert {level(look, product_id) for product_id in items} == {(1_000 - 16, 4)}


def test_one_order_placed_twice_at_once_is_reserved_once(together, stocked, look, sound):
    cup, order_id = stocked(10), uuid4()
    together(*(reserve(order_id, {cup: 2}) for _ in range(6)))
    assert told(look) == {"stock.reserved.v1": 1}
    assert level(look, cup) == (10, 2)
    sound()


def test_placement_and_cancellation_at_once_leave_no_stock_behind(together, stocked, look, sound):
    cup = stocked(10)
    for _ in range(10):
        order_id = uuid4()
        together(
            reserve(order_id, {cup: 1}),
            lambda session, o=order_id: reservations.release_reservation(session, o, "cancelled"),
        )
    assert level(look, cup) == (10, 0)
    statuses = {status for (status,) in look(select(Reservation.status))}
    assert statuses <= {"released", "rejected"}
    sound()


def test_payment_and_expiry_at_once_sell_the_stock_once(together, stocked, look, sound, clock):
    cup = stocked(10)
    for _ in range(5):
        order_id = uuid4()
        together(reserve(order_id, {cup: 1}))
        clock.move(61)
        together(
            lambda session, o=order_id: reservations.commit_reservation(session, o),
            reservations.expire_reservations,
            reservations.expire_reservations,
        )
    assert level(look, cup) == (5, 0)
    assert set(look(select(Reservation.status))) == {("committed",)}
    sound()


def test_two_sweeps_share_the_work(together, stocked, look, sound, clock):
    cup = stocked(100)
    together(*(reserve(uuid4(), {cup: 1}) for _ in range(8)))
    clock.move(61)
    ended = together(*[reservations.expire_reservations] * 4)
    assert sum(ended) == 8
    assert told(look) == {"stock.reserved.v1": 8, "stock.released.v1": 8}
    assert level(look, cup) == (100, 0)
    sound()


def test_adjustments_at_once_do_not_take_the_same_units(together, stocked, look, sound):
    cup = stocked(5)

    def take(session):
        return adjust_stock(session, cup, -2, reason="gone", actor_id=ACTOR)

    results = together(*[take] * 6)
    assert sum(isinstance(result, StockMovement) for result in results) == 2
    assert level(look, cup) == (1, 0)
    sound()


def test_one_sku_created_at_once_is_one_product(together, look, sound):
    draft = {
        "sku": "ONE",
        "name": "Cup",
        "description": "",
        "price_amount": 1,
        "currency": "GBP",
        "attributes": {},
        "images": [],
    }
    results = together(
        *[
            lambda session: products.create_product(
                session, dict(draft), initial_stock=3, actor_id=ACTOR
            )
        ]
        * 6
    )
    refused = [result for result in results if isinstance(result, products.SkuTaken)]
    assert len(refused) == 5
    sound()


def test_of_two_edits_of_one_version_one_is_refused(together, stocked):
    cup = stocked(1)

    def rename(name):
        return lambda session: products.update_product(
            session, cup, {"name": name}, expected_version=1
        )

    results = together(*(rename(f"name {number}") for number in range(4)))
    assert sorted(getattr(result, "status", 0) == 412 for result in results) == [False, *[True] * 3]


def test_two_workers_import_a_file_once(together, live_app, look, sound):
    text = "sku,name,price_amount,currency,stock\n" + "".join(
        f"S-{number:04},Cup,100,GBP,1\n" for number in range(600)
    )
    with live_app.app_context(), transaction() as session:
        job_id = imports.start_import(session, text, total_rows=600, actor_id=ACTOR).id
    rows = FileRows(text)
    for _ in range(4):
        together(*[lambda session: imports.import_chunk(session, job_id, rows)] * 3)
    job = imports.ImportJob
    assert look(select(job.status, job.processed_rows, job.created_rows)) == [
        ("completed", 600, 600)
    ]
    assert look(select(func.count(), func.sum(stock_levels.c.on_hand))) == [(600, 600)]
    sound()
