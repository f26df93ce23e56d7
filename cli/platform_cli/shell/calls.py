"""`rpc.compute.add(2, 3)`: what the services' workers offer, as attributes."""

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from chassis.exceptions import ServiceError
from chassis.rpc.link import Link
from chassis.tasks import remote

# Seconds that what the workers offer is remembered, and that one may take to tell it.
KEPT, PATIENCE = 10.0, 1.0


class Offers:
    """What the workers of all services offer to others, asked when it is needed."""

    def __init__(self, services: Iterable[str], link: Link) -> None:
        self.services, self.link = tuple(services), link
        self._found: dict[str, Mapping[str, Any]] = {}
        self._asked = -KEPT

    def tasks(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the tasks by name; those of services that do not answer are left out."""
        if time.monotonic() - self._asked >= KEPT:
            with ThreadPoolExecutor(len(self.services)) as pool:
                answers = pool.map(self._ask, self.services)
                self._found = {task["name"]: task for tasks in answers for task in tasks}
            self._asked = time.monotonic()
        return self._found

    def _ask(self, service: str) -> list[Any]:
        from chassis.rpc.remote import list_tasks

        try:
            return list_tasks(service, timeout=PATIENCE, link=self.link)
        except ServiceError:
            # Its worker is down, or none of its tasks is for others.
            return []


class Branch:
    """The first part of a task's name: `rpc`, `rpc.compute`."""

    def __init__(self, offers: Offers, timeout: float, name: str = "") -> None:
        self._offers, self._timeout, self._name = offers, timeout, name

    def __getattr__(self, attribute: str) -> "Branch | Task":
        # Completion and `copy` look for many names with underscores.
        if attribute.startswith("_"):
            raise AttributeError(attribute)
        name = f"{self._name}.{attribute}" if self._name else attribute
        if not self._name or any(one.startswith(f"{name}.") for one in self._offers.tasks()):
            return self._below(name)
        # One that is not known is called all the same: its error tells more.
        return Task(self._offers, self._timeout, name)

    def _below(self, name: str) -> "Branch":
        return Branch(self._offers, self._timeout, name)

    def __dir__(self) -> list[str]:
        begin = f"{self._name}." if self._name else ""
        return sorted({name[len(begin) :].partition(".")[0] for name in self._names(begin)})

    def __repr__(self) -> str:
        begin = f"{self._name}." if self._name else ""
        lines = [repr(Task(self._offers, self._timeout, name)) for name in self._names(begin)]
        return "\n".join(lines) or f"nothing is offered below {self._name or 'rpc'}"

    def _names(self, begin: str) -> list[str]:
        return [name for name in sorted(self._offers.tasks()) if name.startswith(begin)]


class Calls(Branch):
    """`rpc`; `rpc(timeout=30)` is one whose calls may take longer."""

    def __call__(self, *, timeout: float) -> "Calls":
        return Calls(self._offers, timeout)


class Task:
    """One task: call it and wait, or `.send` it."""

    def __init__(self, offers: Offers, timeout: float, name: str) -> None:
        self._remote = remote(name, timeout=timeout, link=offers.link)
        self._known: Mapping[str, Any] = offers.tasks().get(name, {})

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the task and return its result."""
        return self._remote(*args, **kwargs)

    def send(self, *args: Any, **kwargs: Any) -> str:
        """Hand the task to the broker and return its id."""
        return self._remote.send(*args, **kwargs)

    def __repr__(self) -> str:
        if not self._known:
            return f"{self._remote.name}: no worker that runs offers it"
        description = self._known["description"]
        told = f"  # {description}" if description else ""
        return f"{self._remote.name}{self._known['signature']}{told}"
