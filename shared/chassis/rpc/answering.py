"""What a worker makes of a call: refused, run, or too late. Knows no broker."""

import logging
import time
from contextlib import ExitStack
from typing import Any

from flask import Flask

from chassis.errors import as_service_error
from chassis.request_id import accept_request_id, set_request_id
from chassis.rpc.catalogue import Catalogue
from chassis.rpc.errors import CallFailed, CallInterrupted, VersionMismatch
from chassis.rpc.messages import (
    LIST_TASKS,
    PROTOCOL,
    Call,
    current_deadline,
    error_reply,
    result_reply,
)
from chassis.tracing import accept_traceparent, set_traceparent

logger = logging.getLogger(__name__)


class Answerer:
    """Answers calls, one a thread; call it with a message, it never raises."""

    def __init__(self, app: Flask, catalogue: Catalogue) -> None:
        self._app, self._catalogue = app, catalogue

    def __call__(self, body: bytes, *, again: bool) -> tuple[Call, bytes] | None:
        """Return the call and its reply; None where nobody waits for one.

        again: a worker was lost that had this call, and may have run it.
        """
        try:
            call = Call.decode(body)
        except ValueError as error:
            logger.error("malformed call", extra={"reason": str(error)[:300]})
            return None
        if call.expired:
            logger.warning("expired call not run", extra={"task_name": call.task})
            return None
        began = time.perf_counter()
        with self._context(call):
            reply, outcome = self._answer(call, again)
            ms = round((time.perf_counter() - began) * 1000, 1)
            logger.info("call", extra={"task_name": call.task, "outcome": outcome, "ms": ms})
        return call, reply

    def _context(self, call: Call) -> ExitStack:
        stack = ExitStack()
        stack.enter_context(self._app.app_context())
        set_request_id(accept_request_id(call.request_id))
        stack.callback(set_request_id, None)
        set_traceparent(accept_traceparent(call.traceparent))
        stack.callback(set_traceparent, None)
        stack.callback(current_deadline.reset, current_deadline.set(call.deadline))
        return stack

    def _answer(self, call: Call, again: bool) -> tuple[bytes, str]:
        try:
            return result_reply(self._run(call, again), call.task), "done"
        # The border to the task: whatever it raises, the caller gets an answer.
        except Exception as error:
            known = as_service_error(error)
            if known is None:
                logger.exception("call failed", extra={"task_name": call.task})
                known = CallFailed(f"{call.task} failed")
            return error_reply(known), known.code

    def _run(self, call: Call, again: bool) -> Any:
        if call.protocol != PROTOCOL:
            raise VersionMismatch(f"The caller speaks protocol {call.protocol}, not {PROTOCOL}")
        if call.task == LIST_TASKS:
            return self._catalogue.as_json()
        task = self._catalogue.find(call.task)
        task.check(call.contract, call.args, call.kwargs)
        if again and not task.idempotent:
            raise CallInterrupted
        return task.run(*call.args, **call.kwargs)
