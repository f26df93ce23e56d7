"""One instance of a service: its connections, and whether requests should go to it."""

import logging
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from api_gateway.errors import ClientGone
from api_gateway.routes import Address
from api_gateway.upstreams.answer import Answer, Disconnected
from api_gateway.upstreams.breaker import Fault, State
from api_gateway.upstreams.connection import AnsweredEarly, Connection, Stale
from api_gateway.upstreams.framing import BadFraming
from api_gateway.upstreams.request import Request, Terms
from api_gateway.upstreams.standing import Standing

logger = logging.getLogger(__name__)
# Two thirds of the services' keep-alive of 75 s: an idle connection is dropped here first, because
# one that the service is closing at this moment looks usable and loses the request.
_MAX_IDLE_SECONDS = 50.0
# A name may have moved to another machine while the old one still accepts what is open.
_MAX_AGE_SECONDS = 60.0
_MAX_IDLE_CONNECTIONS = 256


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an instance listens: one IP address of a configured address."""

    address: Address
    family: int
    ip: str

    @property
    def url(self) -> str:
        """Name the instance for people and metrics."""
        host = f"[{self.ip}]" if self.family == socket.AF_INET6 else self.ip
        return f"http://{host}:{self.address.port}"

    @property
    def name(self) -> str | None:
        """The configured name with its port; None where an IP address is configured."""
        return None if self.address.host.strip("[]") == self.ip else self.address.netloc


class Failed(Exception):
    """An exchange came to nothing. sent: whether the service may have seen the request."""

    def __init__(self, instance: "Instance", fault: Fault, sent: bool) -> None:
        self.instance, self.fault, self.sent = instance, fault, sent
        super().__init__(fault.value)


class Overdue(Exception):
    """The time for the whole request went by while the client still sent its body."""


class Load:
    """How many requests a service works on, over all its instances."""

    __slots__ = ("in_flight",)

    def __init__(self) -> None:
        self.in_flight = 0


class Instance:
    """A pool of connections to one endpoint, and how it stands; belongs to one process.

    changed: called when requests should begin or cease to go there.
    """

    def __init__(self, endpoint: Endpoint, load: Load, changed: Callable[[], None]) -> None:
        self.endpoint = endpoint
        self.standing = Standing(changed)
        self.in_flight = 0
        self.retries = 0
        # Has it probed soon instead of at the next turn; set by who probes it.
        self.wake: Callable[[], None] = _nobody
        self._breaker = self.standing.breaker
        self._load = load
        self._sockaddr = (endpoint.ip, endpoint.address.port)
        # The one used last is taken first, so that a pool that was large once shrinks again.
        self._idle: list[Connection] = []
        self._retired = False

    def exchange(self, request: Request, terms: Terms, fresh: bool = False) -> Answer:
        """Send `request` and read the head of its answer.

        fresh: over a new connection. Raises Failed, ClientGone, and what the body's blocks raise.
        """
        epoch = self._breaker.epoch
        self.in_flight += 1
        try:
            connection = self._connect(terms) if fresh else self._checkout(terms)
        except TimeoutError as error:
            raise self._failed(epoch, Fault.CONNECT_TIMEOUT, False) from error
        except OSError as error:
            raise self._failed(epoch, Fault.REFUSED, False) from error
        except BaseException:
            self.in_flight -= 1
            raise
        try:
            self._send(connection, request)
            return Answer(connection, request.method, self, epoch)
        except Stale:
            connection.close()
            self.in_flight -= 1
            return self.exchange(request, terms, fresh=True)
        except BaseException as error:
            connection.close()
            fault = _fault(error)
            if fault is None:
                self.in_flight -= 1
                raise
            raise self._failed(epoch, fault, connection.touched) from error

    def _checkout(self, terms: Terms) -> Connection:
        now = time.monotonic()
        while self._idle:
            connection = self._idle.pop()
            if (
                now - connection.idle_since < _MAX_IDLE_SECONDS
                and now - connection.born < _MAX_AGE_SECONDS
            ):
                connection.begin(terms)
                return connection
            connection.close()
        return self._connect(terms)

    def _connect(self, terms: Terms) -> Connection:
        return Connection.open(self.endpoint.family, self._sockaddr, terms)

    def _send(self, connection: Connection, request: Request) -> None:
        head, body = request.head(self.endpoint.address.netloc), request.body
        try:
            if isinstance(body, bytes):
                connection.send_whole(head + body if body else head)
            else:
                connection.send_first(head)
                _send_blocks(connection, iter(body))
            connection.whole = True
        except AnsweredEarly:
            return
        except (BrokenPipeError, ConnectionResetError):
            # An answer such as 413 may be there already; the connection is not used again.
            if not connection.touched:
                raise

    def finished(
        self, connection: Connection, epoch: int, fault: Fault | None, reusable: bool
    ) -> None:
        """Take a connection back after a whole answer; see `Owner`."""
        self.in_flight -= 1
        self._load.in_flight -= 1
        if reusable and not self._retired and len(self._idle) < _MAX_IDLE_CONNECTIONS:
            connection.park(self._lost)
            self._idle.append(connection)
        else:
            connection.close()
        if fault is not None:
            self._note(epoch, fault)
        elif not (self.standing.fit and self._breaker.calm):
            self.standing.worked(epoch)

    def dropped(self, connection: Connection, epoch: int, fault: Fault | None) -> None:
        """Close a connection after half an answer; see `Owner`."""
        connection.close()
        self.in_flight -= 1
        self._load.in_flight -= 1
        if fault is not None:
            self._note(epoch, fault)

    def _failed(self, epoch: int, fault: Fault, sent: bool) -> Failed:
        self.in_flight -= 1
        self._note(epoch, fault)
        return Failed(self, fault, sent)

    def _note(self, epoch: int, fault: Fault) -> None:
        if self.standing.failed(epoch, fault):
            cause = {"instance": self.endpoint.url, "cause": fault.value}
            logger.warning("upstream ejected", extra=cause)
        if fault.silent:
            self.wake()

    def _lost(self, connection: Connection) -> None:
        if connection in self._idle:
            self._idle.remove(connection)
        early = time.monotonic() - connection.idle_since < _MAX_IDLE_SECONDS
        connection.close()
        if early:
            # A service that closes what it could keep may be going down.
            self.wake()

    def snapshot(self) -> dict[str, Any]:
        """Return the numbers of now and the counts since the start."""
        standing = self.standing
        return {
            "url": self.endpoint.url,
            "up": standing.status != "unhealthy",
            "breaker": standing.breaker.state.value,
            "breaker_open": standing.breaker.state is State.OPEN,
            "in_flight": self.in_flight,
            "failures": standing.failures,
            "ejections": standing.breaker.ejections,
            "retries": self.retries,
        }

    def retire(self) -> None:
        """Close idle connections now and the others when their answers have ended."""
        self._retired = True
        while self._idle:
            self._idle.pop().close()


def _nobody() -> None:
    return


def _send_blocks(connection: Connection, blocks: Iterator[bytes]) -> None:
    while True:
        try:
            block = next(blocks)
        except StopIteration:
            return
        except OSError:
            # Whatever breaks while reading from the client is no fault of the service.
            raise ClientGone from None
        if connection.readable():
            raise AnsweredEarly
        if connection.overdue:
            raise Overdue
        connection.send(block)


def _fault(error: BaseException) -> Fault | None:
    """Tell what an error says of the instance; None where it says nothing."""
    if isinstance(error, TimeoutError):
        return Fault.TIMEOUT
    if isinstance(error, BadFraming):
        return Fault.BAD
    return Fault.RESET if isinstance(error, Disconnected | OSError) else None
