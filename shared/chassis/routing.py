"""Blueprints whose views say what they take and give, and nothing else."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar, cast
from urllib.parse import quote, urlencode

from flask import Flask, Response, g, request
from flask_smorest import Blueprint
from flask_smorest.utils import get_appcontext
from marshmallow import Schema, ValidationError
from webargs.flaskparser import FlaskParser

from chassis import strict_json
from chassis.exceptions import (
    BadRequest,
    FieldError,
    PreconditionRequired,
    ServiceError,
    Unprocessable,
    UnsupportedMediaType,
)
from chassis.openapi.operations import complete
from chassis.openapi.refusals import IF_MATCH, Refusal, add_parameter, note, refusal
from chassis.openapi.responses import envelope_schema
from chassis.pagination import Page, PageQuery
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
        self._prepare_doc_cbks.append(self._complete_doc)

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
        data: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> Callable[[View], View]:
        """Dump what the view returns with `schema` into the success envelope.

        The view returns an object, a `Page`, or `(object, status, headers)`; a Response passes.
        etag: the answer carries the item's `version` as ETag, and 304 answers If-None-Match.
        data: the JSON Schema of `data` where no marshmallow schema says it; left out: null.
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

            if data is not None:
                note(finish, data=dict(data))
            return cast(View, note(finish, tagged=True) if etag else finish)

        return decorator

    @staticmethod
    def raises(*kinds: type[ServiceError] | Refusal) -> Callable[[View], View]:
        """Describe the errors of the use case, beside those that the chassis answers itself."""
        found = [kind if isinstance(kind, Refusal) else refusal(kind) for kind in kinds]
        return lambda view: note(view, *found)

    def _store_endpoint_docs(self, endpoint: str, *args: Any, **options: Any) -> None:
        super()._store_endpoint_docs(endpoint, *args, **options)
        described = [doc for doc in self._docs[endpoint].values() if isinstance(doc, dict)]
        for doc in described:
            doc["operation_id"] = endpoint

    def _complete_doc(self, doc: Any, info: Any, *, app: Flask, method: str, **_: Any) -> Any:
        rule = next(app.url_map.iter_rules(f"{self.name}.{info['operation_id']}"))
        asked = info.get("arguments", {}).get("parameters", [])
        facts = {
            "path_parameters": rule.arguments,
            "paged": any(_is_page_query(parameter["schema"]) for parameter in asked),
            # Only a read is conditional on having changed; changes carry the ETag all the same.
            "etag": info.get("tagged") and method == "get",
        }
        return complete(doc, {**info, **facts}, method)

    @staticmethod
    def _prepare_response_content(data: Any) -> Any:
        return envelope(data, g.get("message", "OK"))

    @staticmethod
    def _make_doc_response_schema(schema: Any) -> Any:
        if not isinstance(schema, Schema):
            return schema
        # Described in place: one schema class for each view would make many of the same name.
        return envelope_schema(schema)


def _is_page_query(schema: Any) -> bool:
    return isinstance(schema, PageQuery) or (
        isinstance(schema, type) and issubclass(schema, PageQuery)
    )


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


def needs_if_match(pattern: str) -> Callable[[View], View]:
    """Describe that the view asks for `If-Match`. pattern: of the ETags that it knows."""
    parameter = {
        "in": "header",
        "name": "If-Match",
        "required": True,
        "schema": {"type": "string", "pattern": pattern, "examples": ['"1"']},
        "description": "The ETag that was read",
    }
    return lambda view: add_parameter(note(view, *IF_MATCH), parameter)


needs_version = needs_if_match('^"[0-9]{1,18}"$')


def expected_version() -> int:
    """Return the version that the client wants to change, from `If-Match`; see `needs_version`.

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
