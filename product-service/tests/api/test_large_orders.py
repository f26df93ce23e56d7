"""An order of 500 lines costs the statements of a small one."""

from contextlib import contextmanager
from uuid import uuid4

import pytest
from sqlalchemy import event, select

from chassis.database import transaction
from product_service.models import Product
from product_service.schemas.imports import FileRows
from product_service.services import imports
from product_service.services.reservations import (
    commit_reservation,
    expire_reservations,
    release_reservation,
    reserve_stock,
)


@pytest.fixture
def catalogue(session):
    """Import 500 products of 10 units; returns their ids."""
    text = "sku,name,price_amount,currency,stock\n" + "".join(
        f"L-{number:04},Cup,100,GBP,10\n" for number in range(500)
    )
    with transaction() as opened:
        job = imports.start_import(opened, text, total_rows=500, actor_id=uuid4())
    imports.run_import(transaction, job.id, FileRows)
    return session.scalars(select(Product.id)).all()


@contextmanager
def statements(connection):
    """Collect the statements that run in the block, savepoints excepted."""
    seen = []

    def note(_conn, _cursor, statement, *_):
        if "SAVEPOINT" not in statement:
            seen.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    yield seen
    event.remove(connection, "before_cursor_execute", note)


def test_every_step_of_a_large_order_takes_a_handful_of_statements(
    session, connection, catalogue, clock
):
    wanted = dict.fromkeys(catalogue, 2)
    paid, unpaid, cancelled = uuid4(), uuid4(), uuid4()
    steps = {
        "reserve": lambda s: reserve_stock(s, paid, wanted, ttl=60),
        "commit": lambda s: commit_reservation(s, paid),
        "return": lambda s: release_reservation(s, paid, "cancelled"),
        "reserve again": lambda s: reserve_stock(s, unpaid, wanted, ttl=60),
        "and again": lambda s: reserve_stock(s, cancelled, wanted, ttl=60),
        "release": lambda s: release_reservation(s, cancelled, "cancelled"),
    }
    counted = {}
    for name, step in steps.items():
        with statements(connection) as seen, transaction() as opened:
            step(opened)
        counted[name] = len(seen)
    clock.move(61)
    with statements(connection) as seen, transaction() as opened:
        assert expire_reservations(opened) == 1
    counted["expire"] = len(seen)
    assert max(counted.values()) <= 8, counted
