"""The gateway's own pages and errors, described by hand: they are few and no blueprint has them."""

from typing import Any

from api_gateway import errors
from api_gateway.docs.part import Doc, Part
from api_gateway.server import refusal as before_the_app
from chassis.exceptions import ServiceError
from chassis.openapi.refusals import LOGIN, Refusal, refusal
from chassis.openapi.responses import envelope_schema, error_responses

ERROR = {"$ref": "#/components/schemas/gateway.Error"}
# Errors of the protocol itself can answer any request; each operation would only repeat them.
_ANYWHERE = {"403", "405", "417", "501", "505", "508"}

_TEXT = {"type": "string"}
_ERROR_SCHEMA: Doc = {
    "type": "object",
    "description": "What every error looks like. `code` is stable.",
    "required": ["success", "message", "code", "errors", "request_id"],
    "properties": {
        "success": {"type": "boolean", "const": False},
        "message": _TEXT,
        "code": _TEXT,
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": _TEXT, "message": _TEXT},
            },
        },
        "request_id": {"type": ["string", "null"]},
    },
}
_STATUS = {"type": "string", "enum": ["healthy", "degraded", "unhealthy"]}
_HEALTH_SCHEMA: Doc = {
    "type": "object",
    "required": ["status", "services"],
    "properties": {
        "status": _STATUS,
        "services": {
            "type": "object",
            "description": "By name of the service: `status`, `critical` and its `instances`",
            "additionalProperties": {"type": "object"},
        },
    },
}
_HEALTHY = {
    "status": "healthy",
    "services": {"orders": {"status": "healthy", "critical": True, "instances": []}},
}


def gateway_refusals() -> dict[str, Doc]:
    """Return the gateway's error responses by status, an example for each code."""
    own = [
        refusal(kind)
        for module in (errors, before_the_app)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, ServiceError)
        if kind.__module__ == module.__name__
    ]
    # The check of tokens is the chassis' on both sides.
    found: list[Refusal] = [*own, *LOGIN]
    described = error_responses(found, ERROR)
    return {status: one for status, one in described.items() if status not in _ANYWHERE}


def own_part(services: str) -> Part:
    """Return the gateway's own part. services: their names, for the description."""
    return Part(
        name="gateway",
        description=f"The door in front of {services}: health and documents",
        paths=_paths(),
        components={"schemas": {"gateway.Error": _ERROR_SCHEMA, "gateway.Health": _HEALTH_SCHEMA}},
    )


def _paths() -> dict[str, Doc]:
    up = {"status": "ok", "service": "gateway"}
    healthy = {"success": True, "message": "The platform is healthy", "data": _HEALTHY, "meta": {}}
    health = _get("get_health", "Say how every service is", _health_schema(), healthy)
    health["responses"]["503"] = _unhealthy()
    metrics = _get("get_metrics", "Read this process' numbers for Prometheus", _TEXT, "# HELP ...")
    metrics["responses"]["200"]["content"] = {
        "text/plain": {"schema": _TEXT, "example": "# HELP requests_total Requests\n"}
    }
    metrics["responses"]["404"] = {"$ref": "#/components/responses/gateway.404"}
    index = {"name": "platform-gateway", "version": "0.1.0", "links": {"health": "/health"}}
    document = {"openapi": "3.1.0", "info": {"title": "Platform", "version": "0.1.0"}, "paths": {}}
    return {
        "/": {"get": _get("get_index", "Say what this is and where to go on", _ANY, index)},
        "/health": {"get": health},
        "/health/live": {"get": _get("get_live", "Say that the gateway runs", _ANY, up)},
        "/health/ready": {"get": _get("get_ready", "Say that it takes requests", _ANY, up)},
        "/metrics": {"get": metrics},
        "/openapi.json": {"get": _not_again(_get("get_openapi", "Read this", _ANY, document))},
        "/docs": {"get": _page("get_docs", "Read this in a browser, and try it out")},
    }


_ANY: Doc = {"type": "object"}


def _get(name: str, summary: str, schema: Doc, example: Any) -> Doc:
    content = {"application/json": {"schema": schema, "example": example}}
    return {
        "operationId": f"gateway.{name}",
        "tags": ["gateway"],
        "summary": f"{summary}.",
        "security": [],
        "responses": {"200": {"description": "OK", "content": content}},
    }


def _page(name: str, summary: str) -> Doc:
    operation = _not_again(_get(name, summary, _TEXT, ""))
    example = {"schema": _TEXT, "example": "<!doctype html>\n"}
    operation["responses"]["200"]["content"] = {"text/html": example}
    return operation


def _not_again(operation: Doc) -> Doc:
    operation["responses"]["304"] = {"description": "Not Modified"}
    return operation


def _health_schema() -> Doc:
    return envelope_schema({"$ref": "#/components/schemas/gateway.Health"})


def _unhealthy() -> Doc:
    down = Refusal(503, "gateway.unhealthy", "A critical service is down")
    response = error_responses([down], {**ERROR})["503"]
    response.pop("headers")
    schema: Doc = response["content"]["application/json"]
    data = {"data": {"$ref": "#/components/schemas/gateway.Health"}}
    schema["schema"] = {"allOf": [ERROR, {"type": "object", "properties": data}]}
    schema["examples"][down.code]["value"]["data"] = {**_HEALTHY, "status": "unhealthy"}
    return response
