"""A Celery task as it lies in the broker, written without Celery (message protocol 2).

Source: https://docs.celeryq.dev/en/stable/internals/protocol.html; the envelope in Redis is that of
kombu's Redis transport, which documents it by its code only. A real worker reads both in the tests.
"""

import base64
import json
from dataclasses import dataclass, field
from typing import Any

from chassis.base_model import new_id
from chassis.rpc.messages import to_json

CONTENT_TYPE, ENCODING = "application/json", "utf-8"
# Tells a task of another service from a service's own; its value is the contract, 0 for any.
CONTRACT_HEADER = "contract"


def queue_of(service: str) -> str:
    """Return the queue of a service's tasks; exchange and routing key have the same name."""
    return f"{service}.tasks"


@dataclass(frozen=True, kw_only=True)
class TaskMessage:
    """A task to be run once somebody is there. ids: the headers `requestid` and `traceparent`."""

    task: str
    args: list[Any]
    kwargs: dict[str, Any]
    ids: dict[str, str]
    contract: int = 0
    id: str = field(default_factory=lambda: str(new_id()))

    @property
    def queue(self) -> str:
        """The queue of the service whose name the task's begins with."""
        return queue_of(self.task.partition(".")[0])

    def headers(self) -> dict[str, Any]:
        """Return the headers that Celery's worker reads."""
        return {
            "lang": "py",
            "task": self.task,
            "id": self.id,
            "root_id": self.id,
            "parent_id": None,
            "group": None,
            "retries": 0,
            "eta": None,
            "expires": None,
            "timelimit": [None, None],
            # What Celery logs of a task is this text instead of its arguments.
            "argsrepr": "(...)",
            "kwargsrepr": "{...}",
            "ignore_result": True,
            CONTRACT_HEADER: self.contract,
            **self.ids,
        }

    def body(self) -> bytes:
        """Return the arguments; raises NotJson or TooLarge."""
        nothing_else = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
        return to_json([self.args, self.kwargs, nothing_else], f"The arguments of {self.task}")

    def redis_entry(self) -> bytes:
        """Return what stands in the list of the queue."""
        properties = {
            "correlation_id": self.id,
            "reply_to": "",
            "delivery_mode": 2,
            "delivery_info": {"exchange": self.queue, "routing_key": self.queue},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": self.id,
        }
        envelope = {
            "body": base64.b64encode(self.body()).decode(),
            "content-encoding": ENCODING,
            "content-type": CONTENT_TYPE,
            "headers": self.headers(),
            "properties": properties,
        }
        return json.dumps(envelope).encode()
