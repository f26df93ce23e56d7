"""A worker of a service as a process to be killed: `worker_to_kill.py URL SERVICE TRACES`."""

import os
import sys
import threading
from pathlib import Path

from flask import Flask

from chassis.rpc.answering import Answerer
from chassis.rpc.catalogue import Catalogue
from chassis.rpc.receiver import connect_receiver
from chassis.tasks import create_celery

url, service, traces = sys.argv[1:]
celery = create_celery(service)


def leave_trace(what: str) -> int:
    """Say that `what` runs here, and wait for the end as the first process; return the pid."""
    first = not list(Path(traces).iterdir())
    (Path(traces) / f"{what}-{os.getpid()}").touch()
    if first or len({path.name.split("-")[1] for path in Path(traces).iterdir()}) == 1:
        threading.Event().wait(60)
    return os.getpid()


@celery.task(name=f"{service}.once", shared=False, rpc=True)
def once() -> int:
    return leave_trace("once")


@celery.task(name=f"{service}.again", shared=False, rpc=True, idempotent=True)
def again() -> int:
    return leave_trace("again")


answer = Answerer(Flask(service), Catalogue(celery.tasks))
connect_receiver(url, service, answer, 2).run(threading.Event(), lambda: None)
