"""Which tasks of a service others may call, and what is known of them."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chassis.rpc.errors import UnknownTask, VersionMismatch


@dataclass(frozen=True)
class ExposedTask:
    """A task with `rpc=True`. run: calls its function."""

    name: str
    run: Any
    signature: inspect.Signature
    description: str
    contract: int
    idempotent: bool

    def as_json(self) -> dict[str, Any]:
        """Return what a caller is told."""
        return {
            "name": self.name,
            "signature": str(self.signature),
            "description": self.description,
            "contract": self.contract,
            "idempotent": self.idempotent,
        }

    def check(self, contract: int | None, args: list[Any], kwargs: dict[str, Any]) -> None:
        """Raise VersionMismatch where a caller means another version or gives other arguments."""
        if contract and contract != self.contract:
            raise VersionMismatch(
                f"{self.name} has contract {self.contract}, the caller wants {contract}"
            )
        try:
            self.signature.bind(*args, **kwargs)
        except TypeError as error:
            raise VersionMismatch(f"{self.name}{self.signature}: {error}") from error


class Catalogue:
    """The exposed tasks of a service, by name."""

    def __init__(self, tasks: Mapping[str, Any]) -> None:
        self._tasks = {
            name: _describe(name, task)
            for name, task in sorted(tasks.items())
            if getattr(task, "rpc", False)
        }

    def __bool__(self) -> bool:
        return bool(self._tasks)

    def find(self, name: str) -> ExposedTask:
        """Return a task; raises UnknownTask."""
        if name not in self._tasks:
            raise UnknownTask(f"There is no task {name} that others may call")
        return self._tasks[name]

    def as_json(self) -> list[dict[str, Any]]:
        """Return what `rpc.tasks` tells."""
        return [task.as_json() for task in self._tasks.values()]


def _describe(name: str, task: Any) -> ExposedTask:
    description = (inspect.getdoc(task.run) or "").partition("\n")[0]
    signature = inspect.signature(task.run)
    return ExposedTask(name, task, signature, description, task.contract, task.idempotent)
