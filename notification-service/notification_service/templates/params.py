"""What may stand in a template's places, checked before anything is accepted."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chassis.exceptions import FieldError
from notification_service.models.errors import ParamsInvalid


@dataclass(frozen=True)
class Variable:
    """A place in a text. max: characters. pattern: what the whole value looks like.

    secret: never shown, neither in answers nor in logs. optional: may be left out or empty.
    lines: may hold line breaks.
    """

    name: str
    max: int = 100
    pattern: str = ""
    secret: bool = False
    optional: bool = False
    lines: bool = False
    example: str = ""

    def problem_with(self, value: object) -> str | None:
        """Return what is wrong with a value, or None; the value itself is not repeated."""
        if not isinstance(value, str):
            return "Must be text."
        if not value:
            return None if self.optional else "Must not be empty."
        if len(value) > self.max:
            return f"Must not be longer than {self.max} characters."
        # A line break in a subject would begin another header, and in an SMS template be refused.
        if any(ord(one) < 32 and not (self.lines and one == "\n") for one in value):
            return "Must not hold control characters."
        if self.pattern and not re.fullmatch(self.pattern, value):
            return f"Must match {self.pattern}."
        return None


def check_params(variables: Sequence[Variable], params: Mapping[str, object]) -> dict[str, str]:
    """Return the values of all variables; raises ParamsInvalid with one error for each at fault."""
    errors: list[FieldError] = []
    for variable in variables:
        if variable.name not in params:
            if not variable.optional:
                errors.append({"field": f"params.{variable.name}", "message": "Is missing."})
        elif problem := variable.problem_with(params[variable.name]):
            errors.append({"field": f"params.{variable.name}", "message": problem})
    known = {variable.name for variable in variables}
    errors += [
        {"field": f"params.{name}", "message": "The template has no such place."}
        for name in params
        if name not in known
    ]
    if errors:
        raise ParamsInvalid(errors=errors)
    return {name: str(params.get(name, "")) for name in (one.name for one in variables)}
