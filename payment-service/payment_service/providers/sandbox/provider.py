"""A payment provider to develop and test against: no network, real idempotency, magic tokens."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

from sqlalchemy import Connection, create_engine, func, insert, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from payment_service.config import Config
from payment_service.providers.port import (
    ActionRequired,
    Approved,
    ChargeRequest,
    FollowUp,
    ProviderTimeout,
    ProviderUnavailable,
)
from payment_service.providers.sandbox import bookings, witness
from payment_service.providers.sandbox.bookings import Answer
from payment_service.providers.sandbox.tables import Outcome, requests


class SandboxProvider:
    """The sandbox. Sources: `bookings.MAGIC_DECLINES`, and the tokens named in `charge`.

    timeout, slow_seconds: seconds. Opens connections when first used, so that it survives a fork.
    """

    def __init__(self, database_url: str, *, timeout: float, slow_seconds: float) -> None:
        limit = int(timeout * 1000)
        self._timeout = timeout
        self._slow_seconds = slow_seconds
        # Its own engine: what it commits stays, whatever becomes of the caller's transaction.
        self._engine = create_engine(
            database_url,
            pool_size=1,
            max_overflow=7,
            pool_timeout=timeout,
            # After a restart of the database a charge would look lost that was never sent.
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={
                "connect_timeout": 3,
                "options": f"-c statement_timeout={limit} -c lock_timeout={limit}",
            },
        )

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Make it from the service's settings."""
        return cls(
            config.database_url,
            timeout=config.payment_provider_timeout,
            slow_seconds=config.sandbox_slow_seconds,
        )

    def authorize(self, request: ChargeRequest) -> Approved | ActionRequired:
        """Hold the money; see `charge` for the sources."""
        return self._take("authorize", request, captured=False)

    def charge(self, request: ChargeRequest) -> Approved | ActionRequired:
        """Take the money in one step.

        `tok_success`; `tok_slow` takes its time; `tok_requires_action` wants a confirmation first;
        `tok_timeout_before` gives no answer and takes nothing; `tok_timeout_after` takes the money
        and gives no answer. Any other source is declined.
        """
        return self._take("charge", request, captured=True)

    def _take(
        self, kind: str, request: ChargeRequest, *, captured: bool
    ) -> Approved | ActionRequired:
        if request.source == "tok_timeout_before":
            raise ProviderTimeout
        if request.source == "tok_slow":
            threading.Event().wait(min(self._slow_seconds, self._timeout))
        answer = self._once(
            kind,
            request.key,
            request.money.amount,
            lambda connection: bookings.take(connection, request, captured=captured),
        )
        late = request.source == "tok_slow" and self._slow_seconds > self._timeout
        if late or request.source == "tok_timeout_after":
            raise ProviderTimeout
        return answer.give()

    def capture(self, request: FollowUp) -> Approved:
        """Take `amount` of an open authorization, once."""
        return self._follow_up("capture", request, bookings.capture)

    def cancel(self, request: FollowUp) -> Approved:
        """Release an open authorization."""
        return self._follow_up("cancel", request, bookings.cancel)

    def refund(self, request: FollowUp) -> Approved:
        """Give back part or all of what was captured."""
        return self._follow_up("refund", request, bookings.refund)

    def _follow_up(
        self, kind: str, request: FollowUp, book: Callable[[Connection, FollowUp], Answer]
    ) -> Approved:
        answer = self._once(
            kind, request.key, request.amount, lambda connection: book(connection, request)
        )
        return answer.approved()

    def lookup(self, key: str) -> Approved | ActionRequired | None:
        """Tell what the call with `key` did; a closed key counts as never seen."""
        with self._transaction() as connection:
            answer = _recorded(connection, key)
        return None if answer is None or answer.outcome == Outcome.CLOSED else answer.give()

    def close(self, key: str) -> Approved | ActionRequired | None:
        """Refuse the key from now on, unless it was used already."""
        answer = self._once("close", key, 0, lambda _: Answer(Outcome.CLOSED), close=True)
        return None if answer.outcome == Outcome.CLOSED else answer.give()

    def discrepancies(self, session: Session) -> dict[str, list[dict[str, Any]]]:
        """Compare our payments with the sandbox's books; see `witness`."""
        return witness.discrepancies(session)

    def dispose(self) -> None:
        """Close the sandbox's connections."""
        self._engine.dispose()

    def _once(
        self,
        kind: str,
        key: str,
        amount: int,
        work: Callable[[Connection], Answer],
        *,
        close: bool = False,
    ) -> Answer:
        with self._transaction() as connection:
            # Two calls with one key at the same time: the second waits, then finds the answer.
            connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 0))))
            known = _recorded(connection, key)
            if known is not None:
                same = (known.kind, known.amount) == (kind, amount) or close
                return known if same or known.outcome == Outcome.CLOSED else bookings.KEY_REUSED
            answer = work(connection)
            connection.execute(
                insert(requests).values(
                    key=key,
                    kind=kind,
                    amount=amount,
                    outcome=answer.outcome,
                    reference=answer.reference,
                    code=answer.code,
                )
            )
            return Answer(answer.outcome, kind, amount, answer.reference, answer.code)

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """Open a short transaction of the sandbox's own; database errors become provider errors.

        Only an error of the commit leaves the outcome open; before it nothing can have happened.
        """
        try:
            connection = self._engine.connect()
        except (DBAPIError, PoolTimeout) as error:
            raise ProviderUnavailable from error
        with connection:
            transaction = connection.begin()
            try:
                yield connection
            except DBAPIError as error:
                raise ProviderUnavailable from error
            try:
                transaction.commit()
            except DBAPIError as error:
                raise ProviderTimeout from error


def _recorded(connection: Connection, key: str) -> Answer | None:
    row = connection.execute(select(requests).where(requests.c.key == key)).first()
    if row is None:
        return None
    return Answer(Outcome(row.outcome), row.kind, row.amount, row.reference, row.code)
