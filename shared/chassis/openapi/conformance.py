"""For tests: every answer of an app, held against the document that it serves."""

import json
import re
from functools import cached_property
from typing import Any

from flask import Flask, Response, request
from jsonschema_rs import Draft202012Validator

from chassis.openapi.document import DocumentedApi, finish

_CONVERTER = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")


class Conformance:
    """Notes in `drift` whatever an app answers that its OpenAPI document does not say."""

    def __init__(self, app: Flask) -> None:
        self.drift: list[str] = []
        self._app = app
        self._validators: dict[tuple[str, str, str], Draft202012Validator] = {}
        app.after_request(self._check)

    @cached_property
    def _document(self) -> dict[str, Any]:
        api: DocumentedApi = self._app.extensions["flask-smorest"]["apis"][""]["ext_obj"]
        return finish(api.spec.to_dict())

    def _check(self, response: Response) -> Response:
        path = _CONVERTER.sub(r"{\1}", request.url_rule.rule) if request.url_rule else ""
        method = "get" if request.method == "HEAD" else request.method.lower()
        operation = self._document["paths"].get(path, {}).get(method)
        # A 500 is a defect that the test has made on purpose, and nothing to promise.
        if operation is not None and response.status_code != 500:
            found = self._difference(operation, (method, path, str(response.status_code)), response)
            if found:
                self.drift.append(f"{request.method} {path} {response.status_code}: {found}")
        return response

    def _difference(
        self, operation: dict[str, Any], key: tuple[str, str, str], response: Response
    ) -> str | None:
        described = operation["responses"].get(key[2])
        if described is None:
            return "the status is not documented"
        name = described.get("$ref", "").rpartition("/")[2]
        described = self._document["components"]["responses"][name] if name else described
        media = described.get("content", {}).get(response.mimetype)
        if request.method == "HEAD" or response.is_streamed or key[2] in ("204", "304"):
            return None
        if media is None:
            return f"{response.mimetype} is not documented" if response.get_data() else None
        if response.mimetype != "application/json":
            return None
        return self._difference_of_body(media, key, json.loads(response.get_data()))

    def _difference_of_body(
        self, media: dict[str, Any], key: tuple[str, str, str], body: Any
    ) -> str | None:
        if key not in self._validators:
            schema = {**media["schema"], "components": self._document["components"]}
            self._validators[key] = Draft202012Validator(schema)
        for error in self._validators[key].iter_errors(body):
            return f"{'.'.join(map(str, error.instance_path))}: {error.message}"
        if key[2] >= "400" and body["code"] not in media["examples"]:
            return f"the code {body['code']} is not documented"
        return None
