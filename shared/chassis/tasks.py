"""What a service says about work that is done later or elsewhere; how it is done stands behind.

    celery = create_celery("compute")

    @celery.task(name="compute.add", rpc=True)
    def add(value: int, other: int) -> int:
        return value + other

    remote("compute.add", timeout=5)(2, 3)       # waits for the result
    remote("compute.add").send(2, 3)             # does not
    remote("compute.add").enqueue(session, value=2, other=3)  # sent when the transaction commits

A web process imports this for `remote` and spares itself Celery's 20 MB: only a service's `tasks`
module, which the worker alone imports, calls `create_celery`.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chassis.rpc.remote import Remote, remote

if TYPE_CHECKING:
    from celery import Celery

__all__ = ["Periodic", "Remote", "create_celery", "remote"]


@dataclass(frozen=True)
class Periodic:
    """A task that the worker's ticker sends every `every` seconds, on one replica."""

    task: str
    every: float


def create_celery(name: str) -> "Celery":
    """Return the Celery app of a service; `name` is its public name, and its tasks begin with it.

    Options of its tasks beside Celery's: `rpc=True` opens one to other services, `contract` is the
    number of its signature's version (1), `idempotent=True` lets a call run again when its worker
    was lost.
    """
    from chassis import celery_app

    return celery_app.create_celery(name)
