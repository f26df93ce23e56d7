"""The catalogue as CSV, in and out; for staff."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast
from uuid import UUID

from flask import Response, request, stream_with_context

from chassis.app import settings
from chassis.auth import principal, roles_required
from chassis.database import reading, transaction
from chassis.exceptions import Unprocessable, UnsupportedMediaType
from chassis.idempotency import idempotent
from chassis.openapi.refusals import BODY, note, refusal
from chassis.routing import ApiBlueprint
from product_service.schemas.imports import ImportSchema, decode_file
from product_service.services import imports
from product_service.services.exports import export_products
from product_service.services.imports import ImportNotFound

View = TypeVar("View", bound=Callable[..., Any])

blp = ApiBlueprint(
    "imports", __name__, url_prefix="/api/products", description="The catalogue as CSV"
)

_CSV = """sku,name,price_amount,currency,stock
TEA-008,Travel tea infuser,1250,GBP,60
"""
_FILE = {
    "requestBody": {
        "required": True,
        "content": {"text/csv": {"schema": {"type": "string", "minLength": 1}, "example": _CSV}},
    }
}


_BAD_FILE = (
    refusal(UnsupportedMediaType, message="Send the file as text/csv"),
    refusal(Unprocessable, "products.import_file", "The file cannot be read"),
    refusal(Unprocessable, "products.import_header", "The header of the file is not valid"),
)


def takes_csv(view: View) -> View:
    """Refuse other bodies than CSV, and let the file be larger than other bodies.

    Stands outside `idempotent`, which reads the body.
    """

    @wraps(view)
    def checked(*args: Any, **kwargs: Any) -> Any:
        if request.mimetype != "text/csv":
            raise UnsupportedMediaType("Send the file as text/csv")
        request.max_content_length = settings().import_max_bytes
        return view(*args, **kwargs)

    return note(cast(View, checked), *BODY, *_BAD_FILE)


@blp.route("/imports", methods=["POST"])
@roles_required("staff", "admin")
@takes_csv
@idempotent(required=False)
@blp.doc(**_FILE)
@blp.response(202, ImportSchema, message="Import accepted")
def import_products() -> Any:
    """Import products from CSV, by SKU: new ones are created, known ones updated.

    Columns: sku, name, price_amount (minor units), currency; optional description, category (slug),
    status, attributes (JSON object), images (URLs separated by blanks), stock (opening stock of new
    products only).
    """
    source, total_rows = decode_file(request.get_data())
    with transaction() as session:
        job = imports.start_import(
            session, source, total_rows=total_rows, actor_id=principal().user_id
        )
    location = {"Location": f"/api/products/imports/{job.id}"}
    return imports.present_import(job, []), 202, location


@blp.route("/imports/<uuid:job_id>", methods=["GET"])
@roles_required("staff", "admin")
@blp.response(200, ImportSchema, message="Import")
@blp.raises(ImportNotFound)
def get_import(job_id: UUID) -> dict[str, Any]:
    """Return how far an import has come, and the rows that it could not take."""
    with transaction() as session:
        return imports.read_import(session, job_id)


@blp.route("/export", methods=["GET"])
@roles_required("staff", "admin")
@blp.response(
    200,
    {"type": "string", "examples": [_CSV]},
    content_type="text/csv",
    message="Catalogue",
)
def export_catalogue() -> Response:
    """Stream the whole catalogue as CSV, in the columns that an import takes."""
    return Response(
        stream_with_context(export_products(reading)),
        mimetype="text/csv",
        headers={"Content-Disposition": 'attachment; filename="products.csv"'},
    )
