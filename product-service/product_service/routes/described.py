"""OpenAPI text for views that do without the layers which usually carry it."""

from collections.abc import Callable
from typing import Any, TypeVar

View = TypeVar("View", bound=Callable[..., Any])


def described_by(*decorators: Callable[[Any], Any]) -> Callable[[View], View]:
    """Give a view the description that `blp.arguments` and `blp.response` would, and nothing else.

    The view parses its query itself and returns a ready response, which a hot read can afford.
    """

    def decorate(view: View) -> View:
        described: Any = view
        for decorator in reversed(decorators):
            described = decorator(described)
        view._apidoc = described._apidoc  # type: ignore[attr-defined]
        return view

    return decorate
