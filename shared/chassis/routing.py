"""Blueprints whose views say what they take and give, and nothing else."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar, cast
from urllib.parse import quote, urlencode

from flask import Response, g, request
from flask_smorest import Blueprint
from flask_smorest.utils import get_appcontext
from marshmallow import Schema, ValidationError
from webargs.flaskparser import FlaskParser

from chassis import strict_json
from chassis.exceptions import (
    BadRequest,
    FieldError,
    PreconditionRequired,
    Unprocessable,
    UnsupportedMediaType,
)
from chassis.pagination import Page
from chassis.response import envelope, set_meta

View = TypeVar("View", bound=Callable[..., Any])


class StrictParser(FlaskParser):
    """webargs with our JSON rules and our errors; unknown members are the schema's to refuse."""

    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {}

    def load_json(self, req: Any, schema: Any) -> Any:
        body = req.get_data()
        if not body:
            return {}
        if not req.is_json:
            raise UnsupportedMediaType("Send the body as application/json")
        document = strict_json.loads(body)
        if not isinstance(document, dict) and not getattr(schema, "many", False):
            raise Unprocessable(
                "The body must be a JSON object",
                errors=[{"field": "", "message": "Not an object."}],
            )
        return document

    def load_querystring(self, req: Any, schema: Any) -> Any:
        for name, value in req.args.items(multi=True):
            strict_json.refuse_bad_text(name, name)
            strict_json.refuse_bad_text(name, value)
        return super().load_querystring(req, schema)

    def handle_error(self, error: ValidationError, req: Any, schema: Any, **kwargs: Any) -> Any:
        located = error.messages
        messages = (
            next(iter(located.values())) if isinstance(located, dict) and located else located
        )
        raise Unprocessable("The request is not valid", errors=field_errors(messages)) from error


def field_errors(messages: Any, path: tuple[str, ...] = ()) -> list[FieldError]:
    """Flatten marshmallow's nested messages to one entry for each problem."""
    if isinstance(messages, dict):
        found: list[FieldError] = []
        for name, inner in messages.items():
            found += field_errors(inner, path if name == "_schema" else (*path, str(name)))
        return found
    if isinstance(messages, list):
        return [problem for message in messages for problem in field_errors(message, path)]
    return [{"field": ".".join(path), "message": str(messages)}]


class ApiBlueprint(Blueprint):
    """flask-smorest's Blueprint with our envelope, strict arguments and ETags."""

    ARGUMENTS_PARSER = StrictParser()

    def __init__(
        self, name: str, import_name: str, *, url_prefix: str = "", description: str = ""
    ) -> None:
        super().__init__(name, import_name, url_prefix=url_prefix, description=description)

    def route(self, rule: str, **options: Any) -> Any:
        """Register a view or MethodView at `rule`, with or without a trailing slash."""
        options.setdefault("strict_slashes", False)
        # Werkzeug forgets the 405 of a rule that is only met after adding a slash.
        return super().route(rule.rstrip("/"), **options)

    def response(
        self,
        status_code: int,
        schema: Any = None,
        *,
        message: str = "OK",
        etag: bool = False,
        **kwargs: Any,
    ) -> Callable[[View], View]:
        """Dump what the view returns with `schema` into the success envelope.

        The view returns an object, a `Page`, or `(object, status, headers)`; a Response passes.
        etag: the answer carries the item's `version` as ETag, and 304 answers If-None-Match.
        """
        dump = super().response(status_code, schema, description=message, **kwargs)

        def decorator(view: View) -> View:
            @wraps(view)
            def unwrap(*args: Any, **view_args: Any) -> Any:
                g.message = message
                result = view(*args, **view_args)
                return _open_page(result) if isinstance(result, Page) else result

            inner = dump(unwrap)

            @wraps(inner)
            def finish(*args: Any, **view_args: Any) -> Response:
                response: Response = inner(*args, **view_args)
                dumped = get_appcontext().get("result_dump")
                if etag and isinstance(dumped, dict) and "version" in dumped:
                    response.set_etag(str(dumped["version"]))
                    response = cast(Response, response.make_conditional(request.environ))
                return response

            return cast(View, finish)

        return decorator

    @staticmethod
    def _prepare_response_content(data: Any) -> Any:
        return envelope(data, g.get("message", "OK"))

    @staticmethod
    def _make_doc_response_schema(schema: Any) -> Any:
        if not isinstance(schema, Schema):
            return schema
        # Described in place: one schema class for each view would make many of the same name.
        return {
            "type": "object",
            "required": ["success", "message", "data", "meta"],
            "properties": {
                "success": {"type": "boolean", "const": True},
                "message": {"type": "string"},
                "data": schema,
                "meta": {"type": "object"},
            },
        }


def _open_page(page: Page[Any]) -> Any:
    set_meta(**page.meta)
    links = [f'<{page_url(changes)}>; rel="{rel}"' for rel, changes in page.links.items()]
    return page.items, None, {"Link": ", ".join(links)} if links else {}


def page_url(changes: Mapping[str, str]) -> str:
    """Return the path and query of this request with some parameters changed (RFC 8288 targets)."""
    query = request.args.copy()
    for name, value in changes.items():
        query[name] = value
    # The path arrives decoded; a header takes neither a line break nor a letter beyond Latin-1.
    return f"{quote(request.path)}?{urlencode(list(query.items(multi=True)))}"


def expected_version() -> int:
    """Return the version that the client wants to change, from `If-Match`.

    Raises PreconditionRequired without the header (RFC 6585), BadRequest for a foreign ETag.
    """
    if not request.if_match:
        raise PreconditionRequired
    # If-Match compares strongly (RFC 9110 section 13.1.1): weak tags and `*` name no version.
    tags = request.if_match.as_set()
    tag = tags.pop() if len(tags) == 1 else ""
    if not (tag and tag.isascii() and tag.isdigit() and len(tag) < 19):
        raise BadRequest("If-Match must be the one ETag that you read", code="bad_if_match")
    return int(tag)
