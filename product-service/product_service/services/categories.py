"""The tree of categories."""

from typing import Any
from uuid import UUID

from sqlalchemy import exists, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from chassis.base_model import new_id
from chassis.exceptions import Conflict, NotFound, Unprocessable
from product_service.models import Category, Product

MOST_LEVELS = 16
# Conflicts with itself and with writers, not with readers nor with foreign keys into the table.
_LOCK_TREE = text("LOCK TABLE categories IN SHARE ROW EXCLUSIVE MODE")


class CategoryNotFound(NotFound):
    """There is no such category."""

    code = "products.category_not_found"


class SlugTaken(Conflict):
    """Another category has this slug."""

    code = "products.slug_taken"


class CategoryInUse(Conflict):
    """The category holds products or other categories."""

    code = "products.category_in_use"


def read_tree(session: Session) -> list[dict[str, Any]]:
    """Return the root categories by name, each with its `children`."""
    nodes: dict[UUID | None, dict[str, Any]] = {None: {"children": []}}
    categories = session.scalars(select(Category).order_by(Category.name, Category.id)).all()
    for category in categories:
        nodes[category.id] = {**_present(category), "children": []}
    for category in categories:
        nodes[category.parent_id]["children"].append(nodes[category.id])
    roots: list[dict[str, Any]] = nodes[None]["children"]
    return roots


def read_category(session: Session, category_id: UUID) -> Category:
    """Return one category; raises CategoryNotFound."""
    category = session.get(Category, category_id)
    if category is None:
        raise CategoryNotFound
    return category


def create_category(session: Session, *, name: str, slug: str, parent_id: UUID | None) -> Category:
    """Add a category; raises SlugTaken, Unprocessable for an unknown parent or a tree too deep.

    Locks: the whole tree.
    """
    parents = _lock_tree(session)
    _require_place(parents, parent_id, height=1)
    category = session.scalar(
        insert(Category)
        .values(id=new_id(), name=name, slug=slug, parent_id=parent_id)
        .on_conflict_do_nothing(index_elements=["slug"])
        .returning(Category)
    )
    if category is None:
        raise SlugTaken(errors=[{"field": "slug", "message": "Is in use."}])
    return category


def update_category(
    session: Session, category_id: UUID, changes: dict[str, Any], *, expected_version: int
) -> Category:
    """Rename or move a category.

    Raises CategoryNotFound, PreconditionFailed, SlugTaken, CategoryCycle, Unprocessable for an
    unknown parent or a tree too deep.
    Locks: the whole tree, so that two moves cannot close a circle between them.
    """
    parents = _lock_tree(session)
    category = _locked(session, category_id)
    category.require_version(expected_version)
    slug = changes.get("slug", category.slug)
    if slug != category.slug and session.scalar(select(exists().where(Category.slug == slug))):
        raise SlugTaken(errors=[{"field": "slug", "message": "Is in use."}])
    if "parent_id" in changes:
        category.move(changes["parent_id"], parents)
        _require_place(parents, changes["parent_id"], height=_height(parents, category_id))
    category.name = changes.get("name", category.name)
    category.slug = slug
    if session.is_modified(category):
        category.version += 1
    session.flush()
    return category


def delete_category(session: Session, category_id: UUID, *, expected_version: int) -> None:
    """Remove an empty category.

    Raises CategoryNotFound, PreconditionFailed, CategoryInUse. Locks: the whole tree.
    """
    parents = _lock_tree(session)
    category = _locked(session, category_id)
    category.require_version(expected_version)
    holds_products = session.scalar(select(exists().where(Product.category_id == category_id)))
    if holds_products or category_id in parents.values():
        raise CategoryInUse
    session.delete(category)
    session.flush()


def _lock_tree(session: Session) -> dict[UUID, UUID | None]:
    # Edits of the tree are rare and the tree is small, so they take turns: a lock of the table that
    # readers, and products that point into it, do not wait for.
    session.execute(_LOCK_TREE)
    rows = session.execute(select(Category.id, Category.parent_id))
    return dict(rows.tuples().all())


def _locked(session: Session, category_id: UUID) -> Category:
    category = session.get(Category, category_id, populate_existing=True, with_for_update=True)
    if category is None:
        raise CategoryNotFound
    return category


def _require_place(
    parents: dict[UUID, UUID | None], parent_id: UUID | None, *, height: int
) -> None:
    """Raise Unprocessable where the parent is not known, or `height` levels below it too many."""
    unknown = parent_id is not None and parent_id not in parents
    if unknown or _depth(parents, parent_id) + height > MOST_LEVELS:
        message = "No such category." if unknown else f"Deeper than {MOST_LEVELS} levels."
        raise Unprocessable(errors=[{"field": "parent_id", "message": message}])


def _height(parents: dict[UUID, UUID | None], root: UUID) -> int:
    """Return how many levels a category and what is below it have."""
    children: dict[UUID | None, list[UUID]] = {}
    for category_id, parent_id in parents.items():
        children.setdefault(parent_id, []).append(category_id)
    levels, level = 0, [root]
    while level:
        levels, level = levels + 1, [below for one in level for below in children.get(one, ())]
    return levels


def _depth(parents: dict[UUID, UUID | None], category_id: UUID | None) -> int:
    """Return how many levels there are down to a category, itself included; 0 for no category."""
    levels = 0
    while category_id is not None:
        levels, category_id = levels + 1, parents[category_id]
    return levels


def _present(category: Category) -> dict[str, Any]:
    return {
        "id": category.id,
        "name": category.name,
        "slug": category.slug,
        "parent_id": category.parent_id,
        "version": category.version,
        "created_at": category.created_at,
        "updated_at": category.updated_at,
    }
