"""A hot read whose connection has died is answered all the same."""

from uuid import uuid4

from sqlalchemy import text

from chassis.database import transaction
from product_service.services.products import create_product

OTHERS = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    # Postgres' own helpers, such as autovacuum, may not be ended.
    " AND backend_type = 'client backend'"
)


def test_reads_outlive_their_connections(live_app):
    draft = {
        "sku": "ONE",
        "name": "Cup",
        "description": "",
        "price_amount": 100,
        "currency": "GBP",
        "attributes": {},
        "images": [],
    }
    with live_app.app_context(), transaction() as session:
        product_id = create_product(session, draft, initial_stock=3, actor_id=uuid4()).id
    client = live_app.test_client()
    for path in (f"/api/products/{product_id}", "/api/products", "/api/products?q=cup&cursor="):
        assert client.get(path).status_code == 200
        with live_app.app_context(), transaction() as session:
            session.execute(OTHERS)
        assert client.get(path).status_code == 200
