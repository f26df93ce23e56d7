"""Products: hot reads for everybody, edits for staff."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from flask import Response, current_app, request

from chassis.auth import knows_callers, optional_principal, principal, public, roles_required
from chassis.database import transaction
from chassis.exceptions import Forbidden
from chassis.idempotency import idempotent
from chassis.response import envelope, json_bytes, set_meta
from chassis.routing import ApiBlueprint, page_url
from product_service.routes.conditions import (
    edited_version,
    needs_edited_version,
    tagged,
    tagged_bytes,
)
from product_service.routes.described import described_by
from product_service.schemas.listing import ProductQuerySchema
from product_service.schemas.products import (
    NewProductSchema,
    ProductChangeSchema,
    ProductSchema,
)
from product_service.services import hot_reads, listing, products
from product_service.services.products import SkuTaken
from product_service.services.stock import ProductNotFound

blp = ApiBlueprint("products", __name__, url_prefix="/api/products", description="The catalogue")

_MOST_PLANS = 256


@blp.route("/", methods=["GET"])
@public
@knows_callers
@described_by(
    blp.arguments(ProductQuerySchema(exclude=["attributes"]), location="query"),
    blp.response(200, ProductSchema(many=True), message="Products", etag=True),
)
@blp.raises(Forbidden)
def list_products() -> Response:
    """List products, filtered, sorted and by pages.

    `attr.<name>=<value>` filters by attribute. With `ids`, archived products are shown too.
    """
    staff = _is_staff()
    pages = current_app.extensions["product_service.pages"]
    rendered = None if staff else pages.get(request.query_string)
    if rendered is None:
        rendered = _render(staff)
        if rendered.long and not staff:
            pages.keep(request.query_string, rendered)
    return tagged_bytes(rendered.body, rendered.tag, headers={"Link": rendered.links})


@blp.route("/<uuid:product_id>", methods=["GET"])
@public
@knows_callers
@described_by(blp.response(200, ProductSchema, message="Product", etag=True))
@blp.raises(ProductNotFound)
def get_product(product_id: UUID) -> Response:
    """Return one product, archived or not."""
    if _is_staff():
        return tagged(*hot_reads.read_product(product_id, staff=True), "Product")
    return tagged(*hot_reads.read_shown_product(product_id), "Product")


@blp.route("/", methods=["POST"])
@roles_required("staff", "admin")
@idempotent(required=False)
@blp.arguments(NewProductSchema)
@blp.response(201, ProductSchema, message="Product created", etag=True)
@blp.raises(SkuTaken)
def create_product(draft: dict[str, Any]) -> Response:
    """Create a product with its opening stock."""
    with transaction() as session:
        product = products.create_product(
            session,
            draft,
            initial_stock=draft.pop("initial_stock"),
            actor_id=principal().user_id,
        )
        item, tag = hot_reads.read_back(session, product.id)
    location = {"Location": f"/api/products/{product.id}"}
    return tagged(item, tag, "Product created", 201, location)


@blp.route("/<uuid:product_id>", methods=["PATCH"])
@roles_required("staff", "admin")
@blp.arguments(ProductChangeSchema)
@blp.response(200, ProductSchema, message="Product changed", etag=True)
@blp.raises(ProductNotFound)
@needs_edited_version
def change_product(changes: dict[str, Any], product_id: UUID) -> Response:
    """Change a product; needs If-Match."""
    with transaction() as session:
        products.update_product(session, product_id, changes, expected_version=edited_version())
        item, tag = hot_reads.read_back(session, product_id)
    return tagged(item, tag, "Product changed")


@blp.route("/<uuid:product_id>", methods=["DELETE"])
@roles_required("staff", "admin")
@blp.response(200, ProductSchema, message="Product archived", etag=True)
@blp.raises(ProductNotFound)
@needs_edited_version
def archive_product(product_id: UUID) -> Response:
    """Archive a product: it can no longer be ordered, and stays for old orders; needs If-Match."""
    with transaction() as session:
        products.archive_product(session, product_id, expected_version=edited_version())
        item, tag = hot_reads.read_back(session, product_id)
    return tagged(item, tag, "Product archived")


@dataclass(frozen=True)
class _Rendered:
    """A page of the list, ready to be sent; a long list's may be sent again for a moment."""

    body: bytes
    tag: str
    links: str
    long: bool


def _render(staff: bool) -> _Rendered:
    totals = current_app.extensions["product_service.totals"]
    page = listing.read_listing(_plan(request.query_string, staff), totals, staff=staff)
    set_meta(**page.meta)
    body = json_bytes(envelope(page.items, "Products"))
    targets = tuple((rel, *next(iter(to.items()))) for rel, to in page.links.items())
    return _Rendered(
        body,
        hashlib.blake2b(body, digest_size=12).hexdigest(),
        _links(request.query_string, targets),
        page.meta["pagination"].get("total", 0) >= listing.LONG_LIST,
    )


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


@lru_cache(maxsize=_MOST_PLANS)
def _links(query_string: bytes, targets: tuple[tuple[str, str, str], ...]) -> str:
    """Return the `Link` header (RFC 8288) of a list; as with plans, the key says it all."""
    return ", ".join(f'<{page_url({name: to})}>; rel="{rel}"' for rel, name, to in targets)
