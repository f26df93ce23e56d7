"""The parts of all services and of the gateway, as one OpenAPI 3.1 document."""

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass

from api_gateway.docs.part import SECURITY_SCHEME, Doc, Part, operations

# Whatever is asked for can come with a line or headers that are too long.
_ALWAYS = ("400", "414", "431")
_EVERY = (*_ALWAYS, "404", "429", "502", "503", "504")
_WITH_TOKEN = ("401",)
_WITH_BODY = ("408", "413")


@dataclass(frozen=True)
class Frame:
    """What the gateway itself says. own: its own pages. refusals: its error responses by status.

    public: tells of a method and path whether the gateway lets them pass without a token.
    """

    title: str
    version: str
    description: str
    own: Part
    refusals: Mapping[str, Doc]
    public: Callable[[str, str], bool]


def merge(frame: Frame, parts: Iterable[Part], unavailable: Mapping[str, str]) -> Doc:
    """Return the document of the whole platform.

    unavailable: the services without a part, and why; they are named in `x-unavailable` and in the
    description.
    """
    given = list(parts)
    shared = {f"gateway.{status}": deepcopy(one) for status, one in frame.refusals.items()}
    components: dict[str, Doc] = {"responses": shared}
    paths: dict[str, Doc] = {}
    for part in (*given, frame.own):
        for kind, named in part.components.items():
            components.setdefault(kind, {}).update(deepcopy(dict(named)))
        paths.update(deepcopy(dict(part.paths)))
    for part in given:
        for path in part.paths:
            for method, operation in operations(paths[path]):
                _pass_gateway(operation, method, path, frame, components["responses"])
    for path in frame.own.paths:
        for _, operation in operations(paths[path]):
            _add_refusals(operation, _ALWAYS, frame, components["responses"])
    scheme = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    components["securitySchemes"] = {
        **components.get("securitySchemes", {}),
        SECURITY_SCHEME: scheme,
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": frame.title,
            "version": frame.version,
            "description": frame.description + _note(unavailable),
        },
        "servers": [{"url": "/"}],
        "tags": [
            {"name": part.name, "description": part.description} for part in (*given, frame.own)
        ],
        "x-unavailable": [
            {"service": name, "reason": reason} for name, reason in unavailable.items()
        ],
        "paths": paths,
        "components": components,
    }


def _note(unavailable: Mapping[str, str]) -> str:
    if not unavailable:
        return ""
    lines = [f"- `{name}`: {reason}" for name, reason in unavailable.items()]
    return "\n\n**Not described here at the moment:**\n\n" + "\n".join(lines)


def _pass_gateway(
    operation: Doc, method: str, path: str, frame: Frame, responses: dict[str, Doc]
) -> None:
    """Add what the gateway asks of a request, and what it may answer in the service's place."""
    if not frame.public(method.upper(), path) and not _asks_for_token(operation):
        operation["security"] = [{SECURITY_SCHEME: []}]
    statuses = [*_EVERY]
    if any(operation["security"]):
        statuses += _WITH_TOKEN
    if "requestBody" in operation:
        statuses += _WITH_BODY
    _add_refusals(operation, statuses, frame, responses)


def _add_refusals(
    operation: Doc, statuses: Iterable[str], frame: Frame, responses: dict[str, Doc]
) -> None:
    answers = operation["responses"]
    for status in statuses:
        if status not in frame.refusals:
            continue
        if status in answers:
            _extend(answers[status], frame.refusals[status], responses)
        else:
            answers[status] = {"$ref": f"#/components/responses/gateway.{status}"}
    operation["responses"] = dict(sorted(answers.items()))


def _asks_for_token(operation: Doc) -> bool:
    return bool(operation["security"]) and {} not in operation["security"]


def _extend(response: Doc, refusal: Doc, responses: Mapping[str, Doc]) -> None:
    """Name the gateway's errors where a service describes others of the same status."""
    if "$ref" in response:
        response = responses.get(response["$ref"].rpartition("/")[2], {})
    examples = response.get("content", {}).get("application/json", {}).get("examples")
    if examples is None:
        return
    added = refusal["content"]["application/json"]["examples"]
    missing = {code: example for code, example in added.items() if code not in examples}
    for code, example in missing.items():
        examples[code] = example
        response["description"] += f"\n- `{code}`: {example['summary']}"
    if missing and "headers" in refusal:
        response["headers"] = {**refusal["headers"], **response.get("headers", {})}
