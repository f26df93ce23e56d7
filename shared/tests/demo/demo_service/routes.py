"""Views of the demo service: one for each thing that the chassis promises."""

from typing import Any
from uuid import UUID

from flask import current_app
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from chassis.auth import login_required, principal, public, roles_required
from chassis.database import fetch_all, transaction
from chassis.exceptions import NotFound, PreconditionFailed
from chassis.idempotency import idempotent
from chassis.pagination import Page, paginate, parse_sort
from chassis.prefer import prefer_wait
from chassis.response import set_meta
from chassis.routing import ApiBlueprint, expected_version, needs_version
from demo_service.models import Widget
from demo_service.schemas import (
    EchoSchema,
    NewWidgetSchema,
    WidgetPatchSchema,
    WidgetQuery,
    WidgetSchema,
)

blp = ApiBlueprint("demo", __name__, url_prefix="/api/demo", description="Widgets")


def before_commit() -> None:
    """Run what the test has put between the change and its commit."""
    current_app.extensions["demo.before_commit"]()


class WidgetNotFound(NotFound):
    """There is no such widget."""

    code = "demo.not_found"


def find_widget(session: Session, widget_id: UUID) -> Widget:
    """Return the widget; raises WidgetNotFound."""
    widget = session.get(Widget, widget_id)
    if widget is None:
        raise WidgetNotFound(f"There is no widget {widget_id}")
    return widget


def settled(session: Session, widget_id: UUID) -> Widget | None:
    """Return the widget once it is no longer pending."""
    widget = session.get(Widget, widget_id)
    return widget if widget is not None and widget.status != "pending" else None


def make_widget(body: dict[str, Any]) -> Widget:
    """Insert a widget from a loaded `NewWidgetSchema`."""
    with transaction() as session:
        widget = Widget(name=body["name"], quantity=body["quantity"], note=body.get("note"))
        session.add(widget)
        session.flush()
        before_commit()
    return widget


@blp.route("/", methods=["GET"])
@public
@blp.arguments(WidgetQuery, location="query")
@blp.response(200, WidgetSchema(many=True))
def list_widgets(query: dict[str, Any]) -> Page[Widget]:
    allowed = {"name": Widget.name, "created_at": Widget.created_at, "rank": Widget.rank}
    statement = select(Widget).where(Widget.quantity >= query.get("min_quantity", 0))
    if "name" in query:
        statement = statement.where(Widget.name == query["name"])
    with transaction() as session:
        sort = parse_sort(query.get("sort"), allowed=allowed, default="name")
        return paginate(session, statement, query, sort=sort)


@blp.route("/", methods=["POST"])
@public
@blp.arguments(NewWidgetSchema)
@blp.response(201, WidgetSchema, message="Widget made")
def create_widget(body: dict[str, Any]) -> tuple[Widget, int, dict[str, str]]:
    widget = make_widget(body)
    return widget, 201, {"Location": f"/api/demo/{widget.id}"}


@blp.route("/orders", methods=["POST"])
@login_required
@prefer_wait(settled, WidgetSchema)
@idempotent()
@blp.arguments(NewWidgetSchema)
@blp.response(202, WidgetSchema, message="Widget ordered")
def order_widget(body: dict[str, Any]) -> tuple[Widget, int, dict[str, str]]:
    widget = make_widget(body)
    return widget, 202, {"Location": f"/api/demo/{widget.id}"}


@blp.route("/donations", methods=["POST"])
@public
@idempotent(required=False)
@blp.arguments(NewWidgetSchema)
@blp.response(201, WidgetSchema, message="Widget given")
def give_widget(body: dict[str, Any]) -> Widget:
    return make_widget(body)


@blp.route("/<uuid:widget_id>", methods=["GET"])
@public
@blp.response(200, WidgetSchema, etag=True)
@blp.raises(WidgetNotFound)
def get_widget(widget_id: UUID) -> Widget:
    with transaction() as session:
        return find_widget(session, widget_id)


@blp.route("/<uuid:widget_id>", methods=["PATCH"])
@public
@blp.arguments(WidgetPatchSchema)
@blp.response(200, WidgetSchema, message="Widget changed", etag=True)
@blp.raises(WidgetNotFound)
@needs_version
def change_widget(body: dict[str, Any], widget_id: UUID) -> Widget:
    with transaction() as session:
        widget = find_widget(session, widget_id)
        if widget.version != expected_version():
            raise PreconditionFailed
        widget.name = body.get("name", widget.name)
        widget.version += 1
        session.flush()
    return widget


@blp.route("/named/<name>", methods=["GET"])
@public
@blp.response(200, WidgetSchema)
@blp.raises(WidgetNotFound)
def get_named(name: str) -> Widget:
    with transaction() as session:
        widget = session.scalar(select(Widget).where(Widget.name == name))
        if widget is None:
            raise WidgetNotFound
        return widget


@blp.route("/hot", methods=["GET"])
@public
@blp.response(200, data={})
def list_names() -> list[dict[str, Any]]:
    return fetch_all(select(Widget.name).order_by(Widget.name))


@blp.route("/transfers/<uuid:source>/<uuid:target>", methods=["POST"])
@public
@blp.response(200, data={})
def transfer(source: UUID, target: UUID) -> dict[str, str]:
    """Change two rows in the order given, which deadlocks with the opposite order."""
    with transaction() as session:
        for widget_id, change in ((source, -1), (target, 1)):
            quantity = Widget.quantity + change
            session.execute(update(Widget).where(Widget.id == widget_id).values(quantity=quantity))
            before_commit()
    return {"moved": "1"}


@blp.route("/counts", methods=["POST"])
@public
@blp.response(200, data={})
def count_all() -> dict[str, int]:
    """Read and write under SERIALIZABLE, which fails when another transaction does the same."""
    with transaction() as session:
        session.execute(text("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"))
        total = sum(session.scalars(select(Widget.quantity)))
        before_commit()
        session.add(Widget(name=f"total {total}", quantity=total))
        session.flush()
    return {"total": total}


@blp.route("/echo", methods=["POST"])
@public
@blp.arguments(EchoSchema)
@blp.response(200, data={})
def echo(body: dict[str, Any]) -> Any:
    set_meta(seen=True)
    return body.get("value")


@blp.route("/me", methods=["GET"])
@login_required
@blp.response(200, data={})
def me() -> dict[str, Any]:
    caller = principal()
    return {"id": caller.user_id, "roles": sorted(caller.roles), "staff": caller.is_staff}


@blp.route("/staff", methods=["GET"])
@roles_required("staff", "admin")
@blp.response(200, data={})
def staff() -> dict[str, bool]:
    return {"ok": True}


@blp.route("/defects", methods=["GET"])
@public
@blp.response(200, data={})
def fail() -> None:
    before_commit()
    raise RuntimeError("a defect that mentions hunter2")
