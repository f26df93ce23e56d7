"""marshmallow schemas as JSON Schema 2020-12, closer to what they really take and give."""

from typing import Any

from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import Schema

from chassis.schemas import StrictSchema


class Converter(OpenAPIConverter):
    """apispec's converter, with what it leaves out.

    A plain `Schema` describes an answer: each of its fields is always there, unless its metadata
    says `sometimes`. A `StrictSchema` says itself what is required.
    """

    def schema2jsonschema(self, schema: Any) -> dict[str, Any]:
        """Describe a schema, with what an answer always has as required."""
        described: dict[str, Any] = super().schema2jsonschema(schema)  # type: ignore[no-untyped-call]
        instance: Schema = schema() if isinstance(schema, type) else schema
        if not isinstance(instance, StrictSchema) and instance.unknown != "include":
            always = [
                field.data_key or name
                for name, field in instance.fields.items()
                if not field.metadata.get("sometimes")
            ]
            described["required"] = sorted(always)
        doc = (type(instance).__doc__ or "").strip()
        if type(instance).__doc__ is not Schema.__doc__ and doc:
            described.setdefault("description", " ".join(doc.split()))
        return described

    def field2property(self, field: Any) -> dict[str, Any]:
        """Describe a field in the words of JSON Schema rather than of Python or OpenAPI 3.0."""
        described: dict[str, Any] = super().field2property(field)
        if "example" in described:
            described["examples"] = [described.pop("example")]
        if "pattern" in described:
            # ECMA-262 has no \A and \Z; its ^ and $ mean the same without the flag m.
            described["pattern"] = described["pattern"].replace("\\A", "^").replace("\\Z", "$")
        if described.get("minLength") == 0:
            del described["minLength"]
        return described


class Plugin(MarshmallowPlugin):
    """apispec's plugin with our converter."""

    Converter = Converter
