"""Doing an operation: claim, call the provider outside any transaction, apply.

A process may die between any two steps. Before the claim is committed nothing has happened; after
it, the sweep finds the expired lease, asks the provider by key and applies what it learns.
"""

import logging
import time
from collections.abc import Callable
from uuid import UUID

from sqlalchemy.orm import Session

from chassis.database import retry_conflicts, transaction
from payment_service.models.operations import TAKES_MONEY, OperationKind
from payment_service.providers.port import (
    ActionRequired,
    Approved,
    ChargeRequest,
    Declined,
    FollowUp,
    Provider,
    ProviderTimeout,
    ProviderUnavailable,
)
from payment_service.services.operations import (
    Command,
    Timing,
    claim_next_due,
    claim_next_unsettled,
    claim_operation,
)
from payment_service.services.outcomes import Outcome, Refused, Silence, apply_outcome

logger = logging.getLogger(__name__)


def execute_operation(operation_id: UUID, provider: Provider, timing: Timing) -> bool:
    """Do one operation; return False where somebody else has it or it is done."""
    return _execute(
        lambda session: claim_operation(session, operation_id, timing), provider, timing
    )


def sweep(provider: Provider, timing: Timing, *, budget: float = 10.0) -> int:
    """Do what tasks have left undone and look up what is unknown; return how many.

    budget: seconds after which no further operation is begun; the next sweep goes on.
    """
    deadline = time.monotonic() + budget
    done = 0
    for step in (_execute_next, _resolve_next):
        while time.monotonic() < deadline and step(provider, timing):
            done += 1
    return done


def _execute_next(provider: Provider, timing: Timing) -> bool:
    return _execute(lambda session: claim_next_due(session, timing), provider, timing)


def _execute(
    claim: Callable[[Session], Command | None], provider: Provider, timing: Timing
) -> bool:
    command = _claim(claim)
    if command is None:
        return False
    outcome = call_provider(provider, command)
    _apply(command, outcome, timing)
    return True


def _resolve_next(provider: Provider, timing: Timing) -> bool:
    command = _claim(lambda session: claim_next_unsettled(session, timing))
    if command is None:
        return False
    outcome = look_up(provider, command)
    if outcome in (Silence.TIMED_OUT, Silence.UNREACHED):
        # Silence about the question tells nothing about the operation: ask again later.
        logger.warning(
            "lookup without an answer", extra={"operation_id": str(command.operation_id)}
        )
    else:
        _apply(command, outcome, timing)
    return True


def _claim(claim: Callable[[Session], Command | None]) -> Command | None:
    with transaction() as session:
        return claim(session)


def _apply(command: Command, outcome: Outcome, timing: Timing) -> None:
    def once() -> None:
        with transaction() as session:
            apply_outcome(session, command.operation_id, outcome, timing)

    retry_conflicts(once)
    logger.info(
        "operation applied",
        extra={
            "operation_id": str(command.operation_id),
            "payment_id": str(command.payment_id),
            "kind": command.kind.value,
            "outcome": outcome.value if isinstance(outcome, Silence) else type(outcome).__name__,
        },
    )


def call_provider(provider: Provider, command: Command) -> Outcome:
    """Make the operation's call. No transaction may be open."""
    return _ask(lambda: _CALLS[command.kind](provider, command))


def look_up(provider: Provider, command: Command) -> Outcome:
    """Ask what became of the operation, never repeating it. No transaction may be open.

    After the grace period the key of a charge is closed, so that a call which is still on its way
    cannot charge a customer who was told that nothing happened.
    """
    outcome = _ask(lambda: provider.lookup(command.key) or Silence.NOT_FOUND)
    if outcome == Silence.NOT_FOUND and command.give_up and command.kind in TAKES_MONEY:
        return _ask(lambda: provider.close(command.key) or Silence.GIVEN_UP)
    return outcome


def _ask(question: Callable[[], Outcome]) -> Outcome:
    try:
        return question()
    except Declined as refusal:
        return Refused(refusal.code, refusal.message)
    except ProviderTimeout:
        return Silence.TIMED_OUT
    except ProviderUnavailable:
        return Silence.UNREACHED


def _charge_request(command: Command) -> ChargeRequest:
    return ChargeRequest(
        key=command.key,
        merchant_reference=str(command.payment_id),
        money=command.money,
        source=command.source,
        action_reference=command.action_reference,
    )


def _follow_up(command: Command) -> FollowUp:
    return FollowUp(key=command.key, reference=str(command.reference), amount=command.money.amount)


_CALLS: dict[OperationKind, Callable[[Provider, Command], Approved | ActionRequired]] = {
    OperationKind.AUTHORIZE: lambda provider, command: provider.authorize(_charge_request(command)),
    OperationKind.CHARGE: lambda provider, command: provider.charge(_charge_request(command)),
    OperationKind.CAPTURE: lambda provider, command: provider.capture(_follow_up(command)),
    OperationKind.CANCEL: lambda provider, command: provider.cancel(_follow_up(command)),
    OperationKind.REFUND: lambda provider, command: provider.refund(_follow_up(command)),
}
