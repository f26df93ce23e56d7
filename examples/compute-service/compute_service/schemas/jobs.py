from marshmallow import Schema, fields, validate

from chassis.schemas import Int, Str, StrictSchema, Timestamp, one_of
from compute_service.models.arithmetic import Operation
from compute_service.models.jobs import JobState

MOST = 10**12
# What notification-service can send to: ASCII, and a domain with a dot.
_EMAIL = validate.Regexp(
    r"\A[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@"
    r"([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}\Z",
    error="Must be an e-mail address.",
)


class NewJobSchema(StrictSchema):
    """What to compute, with whole numbers, and who is told."""

    operation = fields.String(required=True, validate=one_of(Operation))
    value = Int(required=True, min=-MOST, max=MOST, metadata={"example": 7})
    other = Int(required=True, min=-MOST, max=MOST, metadata={"example": 2})
    email = Str(required=True, max=254, validate=_EMAIL, metadata={"example": "mei@example.com"})


class JobErrorSchema(Schema):
    """Why there is no result."""

    code = fields.String(metadata={"example": "compute.division_by_zero"})
    message = fields.String(metadata={"example": "Nothing can be divided by zero"})


class JobSchema(Schema):
    """A job. `progress` is percent; `result` is text, as JSON's numbers lose digits."""

    id = fields.UUID()
    operation = fields.String(validate=one_of(Operation))
    value = fields.Integer(metadata={"example": 7})
    other = fields.Integer(metadata={"example": 2})
    state = fields.String(validate=one_of(JobState), metadata={"example": "done"})
    progress = fields.Integer(metadata={"example": 100})
    result = fields.String(attribute="answer", allow_none=True, metadata={"example": "3.5"})
    error = fields.Nested(JobErrorSchema, allow_none=True, metadata={"example": None})
    url = fields.Function(
        lambda job: f"/api/compute/jobs/{job.id}",
        metadata={
            "type": "string",
            "example": "/api/compute/jobs/01a1fd8a-49c0-76c4-a665-beb925eeeba4",
        },
    )
    created_at = Timestamp()
    finished_at = Timestamp(allow_none=True)
