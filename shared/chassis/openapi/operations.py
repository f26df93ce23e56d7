"""One operation of the document: what its view's decorators noted, as responses and parameters."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from marshmallow import Schema, fields

from chassis.openapi import refusals
from chassis.openapi.refusals import Refusal
from chassis.openapi.responses import (
    ETAG,
    EXAMPLE_ID,
    LINK,
    LOCATION,
    Doc,
    envelope_schema,
    error_responses,
)
from chassis.schemas import FieldErrorSchema

_UNSAFE = ("post", "put", "patch", "delete")


class ErrorSchema(Schema):
    """What every error looks like. `code` is stable; `errors` names the fields at fault."""

    success = fields.Constant(False, metadata={"type": "boolean", "enum": [False]})
    message = fields.String(metadata={"example": "The request is not valid"})
    code = fields.String(metadata={"example": "validation_failed"})
    errors = fields.List(fields.Nested(FieldErrorSchema))
    request_id = fields.String(metadata={"example": EXAMPLE_ID})


class PaginationSchema(Schema):
    """Where a page stands: with totals by number, with `next_cursor` by cursor."""

    page = fields.Integer(metadata={"sometimes": True, "example": 1})
    per_page = fields.Integer(metadata={"example": 20})
    total = fields.Integer(metadata={"sometimes": True, "example": 1})
    pages = fields.Integer(metadata={"sometimes": True, "example": 1})
    has_more = fields.Boolean(metadata={"sometimes": True})
    next_cursor = fields.String(allow_none=True, metadata={"sometimes": True, "example": None})


def complete(doc: Doc, info: Doc, method: str) -> Doc:
    """Add what the chassis knows to the operation that flask-smorest describes.

    info: what decorators left on the view (`_apidoc`), with `path_parameters` added.
    """
    doc["operationId"] = info["operation_id"]
    doc.setdefault("security", [])
    if (body := doc.get("requestBody")) is not None:
        body["required"] = _has_required(body)
    described: dict[Any, Doc] = doc.get("responses", {})
    # What flask-smorest adds for arguments is a reference to a response that we describe ourselves.
    responses = {str(status): doc for status, doc in described.items() if isinstance(doc, dict)}
    doc["responses"] = responses
    for status, response in list(responses.items()):
        _complete_success(int(status), response, info)
    if info.get("etag"):
        responses["304"] = {"description": HTTPStatus(304).phrase, "headers": {"ETag": ETAG}}
    if info.get("paged"):
        _describe_pages(responses)
    if "settled" in info:
        responses["200"] = info["settled"]
    responses.update(error_responses(_refusals(doc, info, method), ErrorSchema))
    return doc


def _has_required(body: Doc) -> bool:
    """Tell whether an empty body would be refused."""
    schema = next(iter(body["content"].values()))["schema"]
    if isinstance(schema, dict):
        return bool(body.get("required", True))
    instance: Schema = schema() if isinstance(schema, type) else schema
    return any(field.required for field in instance.fields.values())


def _complete_success(status: int, response: Doc, info: Doc) -> None:
    if status in (201, 202):
        response.setdefault("headers", {})["Location"] = LOCATION
    if info.get("etag") or info.get("tagged"):
        response.setdefault("headers", {})["ETag"] = ETAG
    if "content" in response or status == 204:
        return
    data = info.get("data", {"type": "null"})
    response["content"] = {"application/json": {"schema": envelope_schema(data)}}


def _describe_pages(responses: Doc) -> None:
    response = responses["200"]
    response.setdefault("headers", {})["Link"] = LINK
    (media,) = response["content"].values()
    media["schema"]["properties"]["meta"] = {
        "type": "object",
        "required": ["pagination"],
        "properties": {"pagination": PaginationSchema},
    }


def _refusals(doc: Doc, info: Doc, method: str) -> Iterable[Refusal]:
    yield from info.get("refusals", ())
    if "requestBody" in doc:
        yield from refusals.BODY
    if info.get("paged"):
        yield from refusals.PAGES
    if "arguments" in info:
        yield from refusals.ARGUMENTS
    if info.get("path_parameters"):
        yield from refusals.PATH
    if method in _UNSAFE:
        yield from refusals.CHANGE
    yield from refusals.ANY_REQUEST
