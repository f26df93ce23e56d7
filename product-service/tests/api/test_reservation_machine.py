"""Random histories of orders: events twice, late, in any order, with sweeps in between."""

from uuid import UUID, uuid4

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select

from chassis.database import current_session, transaction
from chassis.messaging.tables import outbox
from chassis.testing import deliverer
from product_service.models import Reservation, StockMovement, reservation_lines, stock_levels
from product_service.services import products
from product_service.services.reservations import expire_reservations
from product_service.services.stock import adjust_stock

PRODUCTS, UNITS = 3, 6
wanted = st.dictionaries(st.integers(0, PRODUCTS - 1), st.integers(1, 3), min_size=1)


def test_no_history_loses_or_invents_a_unit(app, clock):
    """Run the machine below on this test's connection; it is rolled back afterwards."""

    class Machine(OrderMachine):
        def __init__(self):
            super().__init__(app, clock)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=15,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


class OrderMachine(RuleBasedStateMachine):
    """A few orders compete for a few products; order-service's promises are not kept at all."""

    def __init__(self, app, clock):
        super().__init__()
        self.app, self.clock = app, clock
        self.deliver = deliverer(app)
        self.ended, self.paid, self.placed = set(), set(), set()
        self.adjusted = [0] * PRODUCTS
        draft = {"name": "Cup", "description": "", "price_amount": 10, "currency": "GBP"}
        with app.app_context(), transaction() as session:
            self.products = [
                products.create_product(
                    session,
                    {**draft, "sku": uuid4().hex, "attributes": {}, "images": []},
                    initial_stock=UNITS,
                    actor_id=uuid4(),
                ).id
                for _ in range(PRODUCTS)
            ]

    orders = Bundle("orders")

    def tell(self, event_type, order, twice=False, **data):
        event_id = uuid4()
        for _ in range(2 if twice else 1):
            body = {"order_id": str(order), "customer_id": str(uuid4()), **data}
            self.deliver(event_type, body, event_id=event_id)

    @rule(target=orders)
    def begin(self):
        """Let an order exist of which nothing was heard yet: its events may come in any order."""
        return uuid4()

    @rule(target=orders, items=wanted)
    def begin_and_place(self, items):
        order = uuid4()
        self.place(order, items, False)
        return order

    @rule(order=orders, items=wanted, twice=st.booleans())
    def place(self, order, items, twice):
        lines = [
            {"product_id": str(self.products[number]), "quantity": units}
            for number, units in items.items()
        ]
        self.tell("order.placed.v1", order, twice, items=lines, expected_total=None)
        self.placed.add(order)

    @rule(order=orders, twice=st.booleans())
    def pay(self, order, twice):
        self.tell("order.paid.v1", order, twice)
        self.paid.add(order)

    @rule(order=orders, reason=st.sampled_from(["cancelled", "expired"]), twice=st.booleans())
    def end(self, order, reason, twice):
        self.tell(f"order.{reason}.v1", order, twice)
        self.ended.add(order)

    @rule()
    def sweep(self):
        self.clock.move(1_300)
        with self.app.app_context(), transaction() as session:
            expire_reservations(session)

    @rule(product=st.integers(0, PRODUCTS - 1), units=st.integers(1, 2))
    def deliver_goods(self, product, units):
        with self.app.app_context(), transaction() as session:
            adjust_stock(
                session, self.products[product], units, reason="delivery", actor_id=uuid4()
            )
        self.adjusted[product] += units

    @invariant()
    def stock_adds_up(self):
        with self.app.app_context():
            rows = current_session().execute(STOCK.where(LEVEL.product_id.in_(self.products)))
            for product_id, on_hand, reserved, ledger, held, committed in rows:
                adjusted = self.adjusted[self.products.index(product_id)]
                assert on_hand == ledger == UNITS + adjusted - committed
                assert reserved == held
                assert 0 <= reserved <= on_hand

    @invariant()
    def orders_are_where_their_events_put_them(self):
        known = self.placed | self.paid | self.ended
        with self.app.app_context():
            statuses = self._statuses(known)
            told = self._told(known)
        for order in known:
            if order in self.ended:
                assert statuses[order] in ("released", "rejected")
            elif order in self.paid:
                assert statuses[order] in ("committed", "rejected")
            # Every order is answered once, and may lose what it had once.
            said = told[order]
            assert said.count("stock.reserved.v1") <= 1
            assert said.count("stock.rejected.v1") <= 1
            assert said.count("stock.released.v1") <= 2
            assert said or order not in self.placed
            assert statuses[order] != "rejected" or said[-1] == "stock.rejected.v1"

    def _statuses(self, known):
        query = select(Reservation.order_id, Reservation.status)
        rows = current_session().execute(query.where(Reservation.order_id.in_(known)))
        return dict(rows.tuples().all())

    def _told(self, known):
        query = select(outbox.c.subject, outbox.c.type).order_by(outbox.c.id)
        said = {order: [] for order in known}
        subjects = [str(order) for order in known]
        for subject, kind in current_session().execute(query.where(outbox.c.subject.in_(subjects))):
            said[UUID(subject)].append(kind)
        return said


LEVEL = stock_levels.c


def lines(status):
    """Return the units of a product in the reservations of one status."""
    return (
        select(func.coalesce(func.sum(reservation_lines.c.quantity), 0))
        .join(Reservation, Reservation.id == reservation_lines.c.reservation_id)
        .where(Reservation.status == status, reservation_lines.c.product_id == LEVEL.product_id)
        .scalar_subquery()
    )


LEDGER = (
    select(func.sum(StockMovement.quantity))
    .where(StockMovement.product_id == LEVEL.product_id)
    .scalar_subquery()
)
STOCK = select(
    LEVEL.product_id, LEVEL.on_hand, LEVEL.reserved, LEDGER, lines("held"), lines("committed")
)
