"""A mail server that is real and misbehaves on demand."""

import asyncio
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any
from uuid import UUID

import pytest
from aiosmtpd.smtp import SMTP

from notification_service.mail.compose import compose
from notification_service.mail.port import Mail
from notification_service.mail.smtp import SmtpMail


@dataclass(frozen=True)
class Received:
    """A mail that the server took. connection: its number. message: parsed; raw: as it came."""

    sender: str
    receivers: list[str]
    options: list[str]
    raw: bytes
    connection: int
    encrypted: bool
    user: str | None

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.raw, policy=default)  # type: ignore[return-value]


class Line(SMTP):
    """One connection to the post office."""

    async def smtp_DATA(self, arg: str) -> None:
        """Take the command; `BEFORE_DATA` is what happens to it."""
        reply = await self.event_handler.act("BEFORE_DATA", self)
        if reply is None:
            await super().smtp_DATA(arg)
        else:
            await self.push(reply)


class PostOffice:
    """Takes mails at `port`; `next` says what steps meet instead, one after another.

    A step is MAIL, RCPT, BEFORE_DATA or DATA (the whole mail). It meets a reply such as "550 5.1.1
    no", "hang" (no answer), "drop" (the connection breaks), and DATA also "lose" and "lose_slowly":
    taken, then the connection breaks, or no answer comes.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, options: dict[str, Any]) -> None:
        self.mails: list[Received] = []
        self.connections = 0
        self.commands: list[str] = []
        self._acts: dict[str, deque[str]] = defaultdict(deque)
        self._loop, self._options = loop, options
        self._lines: list[Line] = []
        tls = self._options.pop("ssl", None)
        opening = loop.create_server(self._connect, "127.0.0.1", 0, ssl=tls)
        self._server = self._run(opening)
        self.port = int(self._server.sockets[0].getsockname()[1])

    def next(self, step: str, *acts: str) -> None:
        """Say what the next times of a step meet."""
        self._acts[step].extend(acts)

    def hang_up(self) -> None:
        """Break all connections, as a server does that restarts."""

        async def abort() -> None:
            for line in self._lines:
                if line.transport is not None:
                    line.transport.abort()

        self._run(abort())

    def close(self) -> None:
        """Take no more connections, and break the others."""
        self._loop.call_soon_threadsafe(self._server.close)
        self.hang_up()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def _connect(self) -> Line:
        self.connections += 1
        self._lines.append(Line(self, hostname="mx.test", loop=self._loop, **self._options))
        return self._lines[-1]

    async def act(self, step: str, line: Any) -> str | None:
        """Do what the step meets; return a reply where that is one."""
        self.commands.append(step)
        act = self._acts[step].popleft() if self._acts[step] else None
        if act in ("drop", "lose"):
            line.transport.abort()
        if act in ("drop", "lose", "hang", "lose_slowly"):
            # Ended by the end of the connection.
            await asyncio.Event().wait()
        return act

    async def handle_MAIL(
        self, line: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """Take the sender."""
        reply = await self.act("MAIL", line)
        envelope.mail_from, envelope.mail_options = address, options
        return reply or "250 2.1.0 OK"

    async def handle_RCPT(
        self, line: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """Take a receiver."""
        reply = await self.act("RCPT", line)
        if reply is None:
            envelope.rcpt_tos.append(address)
        return reply or "250 2.1.5 OK"

    async def handle_DATA(self, line: Any, session: Any, envelope: Any) -> str:
        """Take the whole mail."""
        acts = self._acts["DATA"]
        if not acts or acts[0].startswith("lose"):
            self.mails.append(
                Received(
                    envelope.mail_from,
                    list(envelope.rcpt_tos),
                    list(envelope.mail_options),
                    envelope.content,
                    self._lines.index(line),
                    session.ssl is not None,
                    session.auth_data.login.decode() if session.auth_data else None,
                )
            )
        return await self.act("DATA", line) or "250 2.0.0 OK: queued as 12345"


@pytest.fixture(scope="session")
def mail_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """The event loop of all post offices, in a thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.run_until_complete(_end_others())
    loop.close()


async def _end_others() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def open_post(mail_loop: asyncio.AbstractEventLoop) -> Iterator[Callable[..., PostOffice]]:
    """Open a post office with options of aiosmtpd's SMTP, or `ssl` for TLS from the start."""
    opened: list[PostOffice] = []

    def open_one(**options: Any) -> PostOffice:
        opened.append(PostOffice(mail_loop, options))
        return opened[-1]

    yield open_one
    for office in opened:
        office.close()


@pytest.fixture
def post(open_post: Callable[..., PostOffice]) -> PostOffice:
    """A post office without TLS."""
    return open_post()


@pytest.fixture
def open_transport() -> Iterator[Callable[..., SmtpMail]]:
    """Make a transport to a port, without TLS; changes: variables."""
    made: list[SmtpMail] = []

    def make(port: int, **changes: str) -> SmtpMail:
        settings = {
            "MAIL_FROM": "shop@example.com",
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(port),
            "SMTP_SECURITY": "none",
            "SMTP_HELO": "client.test",
        }
        made.append(SmtpMail.from_settings({**settings, **changes}))
        return made[-1]

    yield make
    for transport in made:
        transport.close()


@pytest.fixture
def transport(open_transport: Callable[..., SmtpMail], post: PostOffice) -> SmtpMail:
    """A transport to `post`."""
    return open_transport(post.port)


@pytest.fixture
def hasty(open_transport: Callable[..., SmtpMail], post: PostOffice) -> SmtpMail:
    """A transport to `post` that does not wait for long."""
    return open_transport(post.port, SMTP_TIMEOUT="0.25", SMTP_DATA_TIMEOUT="0.25")


@pytest.fixture
def letter() -> Callable[..., EmailMessage]:
    """Compose a mail; changes: fields of `Mail`."""

    def make(**changes: Any) -> EmailMessage:
        fields = {
            "id": UUID("01a1fe02-49c0-76c4-a665-beb925eeeba4"),
            "sender": "shop@example.com",
            "sender_name": "Platform",
            "to": "mei@example.org",
            "subject": "Order confirmed",
            "text": "Thank you.\n",
            "html": "<p>Thank you.</p>\n",
        }
        return compose(Mail(**{**fields, **changes}))

    return make
