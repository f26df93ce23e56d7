import jsonschema
import pytest

from user_service import events


@pytest.mark.parametrize("event_type", sorted(events.PUBLISHES))
def test_every_published_event_has_a_valid_and_closed_schema(event_schema, event_type):
    schema = event_schema(event_type)

    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["title"] == event_type
    assert schema["additionalProperties"] is False
    assert sorted(schema["required"]) == sorted(schema["properties"])


def test_it_listens_to_nobody():
    assert events.CONSUMES == {}
