"""Products: hot reads for everybody, edits for staff."""

import hashlib
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
from flask import Response, current_app, request

from chassis.auth import optional_principal, principal, public, roles_required
from chassis.database import transaction
from chassis.exceptions import Forbidden
from chassis.idempotency import idempotent
from chassis.response import set_meta
from chassis.routing import ApiBlueprint, page_url
from product_service.routes.conditions import edited_version, tagged
from product_service.routes.documented import query_parameters
from product_service.schemas.listing import ProductQuerySchema
from product_service.schemas.products import (
    NewProductSchema,
    ProductChangeSchema,
    ProductSchema,
)
from product_service.services import listing, products

blp = ApiBlueprint("products", __name__, url_prefix="/api/products", description="The catalogue")

_MOST_PLANS = 256


@blp.route("/", methods=["GET"])
@public
@query_parameters(ProductQuerySchema(exclude=["attributes"]))
@blp.response(200, ProductSchema(many=True), message="Products")
def list_products() -> Response:
    """List products, filtered, sorted and by pages.

    `attr.<name>=<value>` filters by attribute. With `ids`, archived products are shown too.
    """
    staff = _is_staff()
    page = listing.read_listing(
        _plan(request.query_string, staff), current_app.extensions["product_service.totals"],
        staff=staff,
    )  # fmt: skip
    set_meta(**page.meta)
    links = ", ".join(f'<{page_url(to)}>; rel="{rel}"' for rel, to in page.links.items())
    return tagged(page.items, _digest(page.items), "Products", headers={"Link": links})


@blp.route("/<uuid:product_id>", methods=["GET"])
@public
@blp.response(200, ProductSchema, message="Product")
def get_product(product_id: UUID) -> Response:
    """Return one product, archived or not."""
    item, tag = listing.read_product(product_id, staff=_is_staff())
    return tagged(item, tag, "Product")


@blp.route("/", methods=["POST"])
@roles_required("staff", "admin")
@idempotent(required=False)
@blp.arguments(NewProductSchema)
@blp.response(201, ProductSchema, message="Product created")
def create_product(draft: dict[str, Any]) -> Response:
    """Create a product with its opening stock."""
    with transaction() as session:
        product = products.create_product(
            session,
            draft,
            initial_stock=draft.pop("initial_stock"),
            actor_id=principal().user_id,
        )
        item, tag = listing.read_back(session, product.id)
    location = {"Location": f"/api/products/{product.id}"}
    return tagged(item, tag, "Product created", 201, location)


@blp.route("/<uuid:product_id>", methods=["PATCH"])
@roles_required("staff", "admin")
@blp.arguments(ProductChangeSchema)
@blp.response(200, ProductSchema, message="Product changed")
def change_product(changes: dict[str, Any], product_id: UUID) -> Response:
    """Change a product; needs If-Match."""
    with transaction() as session:
        products.update_product(session, product_id, changes, expected_version=edited_version())
        item, tag = listing.read_back(session, product_id)
    return tagged(item, tag, "Product changed")


@blp.route("/<uuid:product_id>", methods=["DELETE"])
@roles_required("staff", "admin")
@blp.response(200, ProductSchema, message="Product archived")
def archive_product(product_id: UUID) -> Response:
    """Archive a product: it can no longer be ordered, and stays for old orders; needs If-Match."""
    with transaction() as session:
        products.archive_product(session, product_id, expected_version=edited_version())
        item, tag = listing.read_back(session, product_id)
    return tagged(item, tag, "Product archived")


def _is_staff() -> bool:
    caller = optional_principal()
    return caller is not None and caller.is_staff


@lru_cache(maxsize=_MOST_PLANS)
def _plan(query_string: bytes, staff: bool) -> listing.Listing:
    """Work out what a query string asks for; the same one is worked out once in this process.

    The parser reads the current request, whose query string is the key: same key, same result.
    """
    query = blp.ARGUMENTS_PARSER.parse(ProductQuerySchema(), request, location="query")
    if "status" in query and not staff:
        raise Forbidden("The filter status is for staff")
    return listing.plan_listing(query)


def _digest(items: Any) -> str:
    # Saves the client's bytes, not our work: a list has no version that could be known before.
    return hashlib.blake2b(orjson.dumps(items), digest_size=12).hexdigest()
