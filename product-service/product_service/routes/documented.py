"""OpenAPI text for views that read their query string themselves."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any, TypeVar

from marshmallow import Schema

View = TypeVar("View", bound=Callable[..., Any])


def query_parameters(schema: Schema) -> Callable[[View], View]:
    """Describe a view's query parameters, as `blp.arguments` does, without parsing them."""

    def decorate(view: View) -> View:
        described = deepcopy(getattr(view, "_apidoc", {}))
        parameters = described.setdefault("arguments", {}).setdefault("parameters", [])
        parameters.append({"in": "query", "required": False, "schema": schema})
        view._apidoc = described  # type: ignore[attr-defined]
        return view

    return decorate
