"""The finished document of a service, as `/api/<service>/openapi.json` serves it."""

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from hashlib import blake2b
from http import HTTPStatus
from typing import Any, cast

from flask import Response, request
from flask_smorest import Api

from chassis.openapi.examples import NoExample, example_of
from chassis.openapi.fields import Plugin
from chassis.openapi.operations import ErrorSchema
from chassis.response import json_bytes

Doc = dict[str, Any]

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_SCHEMAS = "#/components/schemas/"


class DocumentedApi(Api):
    """flask-smorest's Api without its error handlers and guesses; its document has examples."""

    ERROR_SCHEMA = ErrorSchema
    DEFAULT_ERROR_RESPONSE_NAME = None

    def __init__(self, app: Any) -> None:
        super().__init__(app, spec_kwargs={"marshmallow_plugin": Plugin()})

    def _register_error_handlers(self) -> None:
        """Register none: `chassis.errors` has one for everything."""

    @cached_property
    def _served(self) -> tuple[bytes, str]:
        # Made at the first request: a process that is never asked spares itself the work.
        body = json_bytes(finish(self.spec.to_dict()))
        return body, blake2b(body, digest_size=12).hexdigest()

    def _openapi_json(self) -> Response:
        body, tag = self._served
        response = Response(body, mimetype="application/json")
        response.set_etag(tag)
        return cast(Response, response.make_conditional(request.environ))


def finish(document: Mapping[str, Any]) -> Doc:
    """Add examples to a complete document, share equal responses, drop components without use.

    What has no example, because a field lacks one, stays without.
    """
    done: Doc = json.loads(json.dumps(document))
    schemas = done.setdefault("components", {}).setdefault("schemas", {})
    for item in done["paths"].values():
        for parameter in item.get("parameters", []):
            _add_example(parameter, schemas)
        for operation in operations(item):
            _complete_examples(operation, schemas)
    _share_responses(done)
    _drop_unused(done)
    return done


def operations(item: Mapping[str, Any]) -> Iterator[Doc]:
    """Yield the operations of a path item."""
    yield from (item[method] for method in METHODS if method in item)


def _complete_examples(operation: Doc, schemas: Mapping[str, Any]) -> None:
    for parameter in operation.get("parameters", []):
        if parameter.get("required"):
            _add_example(parameter, schemas)
    for media in operation.get("requestBody", {}).get("content", {}).values():
        _add_example(media, schemas)
    for status, response in operation["responses"].items():
        for media in response.get("content", {}).values():
            _add_example(media, schemas)
            if status < "300" and isinstance(media.get("example"), dict):
                _set_message(media["example"], response["description"])


def _add_example(described: Doc, schemas: Mapping[str, Any]) -> None:
    if "example" in described or "examples" in described:
        return
    try:
        described["example"] = example_of(described["schema"], schemas)
    except NoExample:
        return


def _set_message(example: Doc, description: str) -> None:
    if "message" in example and "data" in example:
        example["message"] = description


def _share_responses(document: Doc) -> None:
    """Move error responses to the components; equal ones are there once."""
    shared: dict[str, Doc] = {}
    names: dict[str, str] = {}
    for item in document["paths"].values():
        for operation in operations(item):
            for status, response in operation["responses"].items():
                if status < "400":
                    continue
                text = json.dumps(response, sort_keys=True)
                if text not in names:
                    names[text] = _free_name(int(status), shared)
                    shared[names[text]] = response
                operation["responses"][status] = {"$ref": f"#/components/responses/{names[text]}"}
    document["components"]["responses"] = shared


def _free_name(status: int, taken: Mapping[str, Any]) -> str:
    name = HTTPStatus(status).phrase.replace(" ", "")
    number = 1 + sum(one.rpartition("-")[0] == name or one == name for one in taken)
    return name if number == 1 else f"{name}-{number}"


def _drop_unused(document: Doc) -> None:
    schemas = document["components"]["schemas"]
    used: set[str] = set()
    pending = [document["paths"], document["components"]["responses"]]
    while pending:
        for reference in references(pending.pop()):
            name = reference.removeprefix(_SCHEMAS)
            if name in schemas and name not in used:
                used.add(name)
                pending.append(schemas[name])
    document["components"]["schemas"] = {name: schemas[name] for name in schemas if name in used}


def references(node: Any) -> Iterator[str]:
    """Yield every `$ref` below a node."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)
