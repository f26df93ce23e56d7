"""What goes over the wire, and what a verifying server keeps of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl


@dataclass(frozen=True)
class Request:
    """A request as it came over the wire; names of headers in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    def pairs(self) -> list[tuple[str, str]]:
        """Return the decoded parameters of the query, in their order."""
        return parse_qsl(self.query, keep_blank_values=True)

    def form(self) -> dict[str, str]:
        """Return the decoded fields of a form."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


@dataclass(frozen=True)
class Reply:
    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):
    """The request is refused with the provider's own code."""

    def __init__(self, status: int, code: str, message: str = "") -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message


@dataclass
class Message:
    """A message that was accepted. id: ours, as echoed by this provider."""

    id: str
    to: str
    provider_id: str
    fields: Mapping[str, Any]
    at: float
    outcome: Literal["waiting", "delivered", "failed"] = "waiting"


@dataclass(frozen=True)
class Push:
    """A receipt as the provider would post it."""

    url: str
    headers: Mapping[str, str]
    body: bytes
