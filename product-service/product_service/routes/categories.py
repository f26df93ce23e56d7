"""The tree of categories."""

from typing import Any
from uuid import UUID

from chassis.auth import public, roles_required
from chassis.database import transaction
from chassis.idempotency import idempotent
from chassis.routing import ApiBlueprint, expected_version, needs_version
from product_service.models import Category
from product_service.models.categories import CategoryCycle
from product_service.schemas.categories import (
    CategoryChangeSchema,
    CategoryNodeSchema,
    CategorySchema,
    NewCategorySchema,
)
from product_service.services import categories
from product_service.services.categories import CategoryInUse, CategoryNotFound, SlugTaken

blp = ApiBlueprint(
    "categories",
    __name__,
    url_prefix="/api/products/categories",
    description="The tree that products hang in",
)


@blp.route("/", methods=["GET"])
@public
@blp.response(200, CategoryNodeSchema(many=True), message="Categories")
def list_categories() -> list[dict[str, Any]]:
    """Return the whole tree: the root categories, each with its children."""
    with transaction() as session:
        return categories.read_tree(session)


@blp.route("/<uuid:category_id>", methods=["GET"])
@public
@blp.response(200, CategorySchema, message="Category", etag=True)
@blp.raises(CategoryNotFound)
def get_category(category_id: UUID) -> Category:
    """Return one category."""
    with transaction() as session:
        return categories.read_category(session, category_id)


@blp.route("/", methods=["POST"])
@roles_required("staff", "admin")
@idempotent(required=False)
@blp.arguments(NewCategorySchema)
@blp.response(201, CategorySchema, message="Category created", etag=True)
@blp.raises(SlugTaken)
def create_category(draft: dict[str, Any]) -> Any:
    """Create a category."""
    with transaction() as session:
        category = categories.create_category(session, **draft)
    return category, 201, {"Location": f"/api/products/categories/{category.id}"}


@blp.route("/<uuid:category_id>", methods=["PATCH"])
@roles_required("staff", "admin")
@blp.arguments(CategoryChangeSchema)
@blp.response(200, CategorySchema, message="Category changed", etag=True)
@blp.raises(CategoryNotFound, SlugTaken, CategoryCycle)
@needs_version
def change_category(changes: dict[str, Any], category_id: UUID) -> Category:
    """Rename or move a category; needs If-Match."""
    with transaction() as session:
        return categories.update_category(
            session, category_id, changes, expected_version=expected_version()
        )


@blp.route("/<uuid:category_id>", methods=["DELETE"])
@roles_required("staff", "admin")
@blp.response(204, message="Category deleted")
@blp.raises(CategoryNotFound, CategoryInUse)
@needs_version
def delete_category(category_id: UUID) -> None:
    """Delete an empty category; needs If-Match."""
    with transaction() as session:
        categories.delete_category(session, category_id, expected_version=expected_version())
