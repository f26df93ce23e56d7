"""Periodic tasks are sent by one replica, and do not pile up."""

import threading
from collections.abc import Callable, Iterator

import pytest

from chassis.messaging.bus import BusUnavailable
from chassis.tasks import Periodic
from chassis.worker.ticker import Ticker

Eventually = Callable[..., None]
SCHEDULE = [Periodic("orders.expire", every=0.05), Periodic("orders.report", every=60.0)]


class Sent:
    """What a ticker has sent; `away` is how many sends fail first."""

    def __init__(self, away: int = 0) -> None:
        self.tasks: list[tuple[str, float]] = []
        self.away = away

    def __call__(self, task: str, every: float) -> None:
        if self.away:
            self.away -= 1
            raise BusUnavailable("away")
        self.tasks.append((task, every))

    def count(self, task: str) -> int:
        return [name for name, _ in self.tasks].count(task)


@pytest.fixture
def database_url(postgres_url: Callable[[str], str]) -> str:
    return postgres_url("ticker")


@pytest.fixture
def ticking() -> Iterator[Callable[[Ticker], Callable[[], None]]]:
    """Run a ticker in a thread; returns what ends it."""
    ends: list[Callable[[], None]] = []

    def start(ticker: Ticker) -> Callable[[], None]:
        stop = threading.Event()
        thread = threading.Thread(target=ticker.run, args=(stop,))
        thread.start()

        def end() -> None:
            stop.set()
            thread.join(10)

        ends.append(end)
        return end

    yield start
    for end in ends:
        end()


def test_task_is_sent_again_and_again_and_expires_when_the_next_is_due(
    database_url: str, ticking: Callable[[Ticker], Callable[[], None]], eventually: Eventually
) -> None:
    sent = Sent()
    ticking(Ticker(database_url, SCHEDULE, sent))
    eventually(lambda: sent.count("orders.expire") >= 3)
    assert sent.count("orders.report") == 1
    assert set(sent.tasks) == {("orders.expire", 0.05), ("orders.report", 60.0)}


def test_of_two_replicas_one_ticks_and_the_other_takes_over(
    database_url: str, ticking: Callable[[Ticker], Callable[[], None]], eventually: Eventually
) -> None:
    first, second = Sent(), Sent()
    end_first = ticking(Ticker(database_url, SCHEDULE, first))
    eventually(lambda: first.tasks)
    ticking(Ticker(database_url, SCHEDULE, second))
    eventually(lambda: first.count("orders.expire") >= 5)
    assert second.tasks == []
    end_first()
    eventually(lambda: second.count("orders.expire") >= 2)


def test_task_that_the_broker_did_not_take_is_sent_later(database_url: str) -> None:
    sent = Sent(away=1)
    ticker = Ticker(database_url, SCHEDULE[1:], sent)
    ticker.send_due()
    assert sent.tasks == []
    assert 4 < ticker._seconds_left() <= 5


def test_one_task_that_fails_does_not_stop_the_others(database_url: str) -> None:
    sent = Sent(away=1)
    Ticker(database_url, SCHEDULE, sent).send_due()
    assert sent.tasks == [("orders.report", 60.0)]
