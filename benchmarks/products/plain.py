"""The comparisons. Plain: the same reads with ORM objects through marshmallow, as is usual.

It has no chassis: no request id, no log line, no metrics. What it does is what the answers need.
Floor: as little as Flask and the driver can do when a request waits for the database once.
"""

from typing import Any

import psycopg2
from flask import Flask, Response, jsonify, request
from flask_sqlalchemy import SQLAlchemy
from marshmallow import Schema, fields
from sqlalchemy import func, select

from product_service.models import Product, stock_levels


class PriceSchema(Schema):
    """A price."""

    amount = fields.Integer()
    currency = fields.String()


class ProductSchema(Schema):
    """A product."""

    id = fields.UUID()
    sku = fields.String()
    name = fields.String()
    description = fields.String()
    price = fields.Nested(PriceSchema)
    category_id = fields.UUID()
    attributes = fields.Dict()
    images = fields.List(fields.String())
    status = fields.String()
    available = fields.Integer()
    version = fields.Integer()
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


def create_plain_app(url: str) -> Flask:
    """Return an app with `/api/products` and `/api/products/<id>` and nothing else."""
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"pool_pre_ping": True}
    db = SQLAlchemy(app)
    one, many = ProductSchema(), ProductSchema(many=True)
    available = (stock_levels.c.on_hand - stock_levels.c.reserved).label("available")
    joined = select(Product, available).join(stock_levels, stock_levels.c.product_id == Product.id)

    @app.get("/api/products")
    def list_products() -> object:
        per_page = request.args.get("per_page", 20, type=int)
        page = request.args.get("page", 1, type=int)
        active = Product.status == "active"
        total = db.session.scalar(select(func.count()).select_from(Product).where(active))
        rows = db.session.execute(
            joined.where(active)
            .order_by(Product.created_at.desc(), Product.id.desc())
            .limit(per_page)
            .offset((page - 1) * per_page)
        )
        items = many.dump([_shown(*row) for row in rows])
        return jsonify(success=True, data=items, meta={"pagination": {"total": total}})

    @app.get("/api/products/<uuid:product_id>")
    def get_product(product_id: object) -> object:
        row = db.session.execute(joined.where(Product.id == product_id)).one()
        return jsonify(success=True, data=one.dump(_shown(*row)), meta={})

    return app


def create_floor_app(url: str) -> Flask:
    """Return an app that asks the database for nothing and answers with ready bytes."""
    app = Flask(__name__)
    connection = psycopg2.connect(url.replace("+psycopg2", ""))
    connection.autocommit = True
    cursor = connection.cursor()

    @app.get("/api/products")
    def list_products() -> Response:
        return _after_a_query(cursor, b"x" * 9_000)

    @app.get("/api/products/<uuid:product_id>")
    def get_product(product_id: object) -> Response:
        return _after_a_query(cursor, b"x" * 500)

    return app


def _after_a_query(cursor: Any, body: bytes) -> Response:
    cursor.execute("SELECT 1")
    cursor.fetchall()
    return Response(body, mimetype="application/json")


def _shown(product: Product, available: int) -> Product:
    product.available = available  # type: ignore[attr-defined]
    product.price = {  # type: ignore[attr-defined]
        "amount": product.price_amount,
        "currency": product.currency,
    }
    return product
