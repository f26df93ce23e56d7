"""SIGKILL in the middle of a day of trade: nothing accepted is lost, nothing is charged twice."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from platform_cli.audit import settle
from platform_cli.replay.plan import make_plan
from platform_cli.replay.rows import read
from platform_cli.replay.runner import NOT_PLACED, REFUNDED, Outcome, Replay
from platform_cli.replay.shop import Shop

pytestmark = pytest.mark.timeout(300)

Eventually = Callable[..., None]
GOOD_ENDS = ("paid", NOT_PLACED, REFUNDED)
PROGRAMS = [
    f"{service}-{role}"
    for service in ("orders", "payments", "products", "users", "notifications")
    for role in ("worker", "web")
]


def replay_with_kills(platform: Any, day: Path, victims: list[str], every: int) -> dict[str, int]:
    """Replay the day and kill the next victim after `every` invoices; returns their pids.

    Checks that every invoice ended and that all invariants hold afterwards. Begins no further one
    after the first that did not, so that a failure tells its order instead of running out of time.
    """
    killed: dict[str, int] = {}

    def kill_on_time(_outcome: Outcome) -> None:
        due = victims[: len(run.outcomes) // every]
        for victim in [name for name in due if name not in killed]:
            pid = platform.kill(victim)
            if pid is None:
                return  # It is coming back from losing its store: at the next invoice, then.
            killed[victim] = pid

    client = platform.client
    shop = Shop(client, f"chaos-{victims[0]}", platform.admin)
    run = Replay(shop, make_plan(read(day)), concurrency=6, progress=kill_on_time)
    run.give_up = lambda outcome: outcome.state not in GOOD_ENDS
    run.run()

    outcomes = list(run.outcomes.values())
    lost = [one for one in outcomes if one.state not in GOOD_ENDS]
    assert lost == []
    assert len([one for one in outcomes if one.state == "paid"]) == 49
    assert [check for check in settle(client, shop.admin) if not check.ok] == []
    assert list(killed) == victims
    return killed


def test_killing_each_program_once_loses_no_order_and_charges_none_twice(
    platform: Any, day_of_trade: Path, eventually: Eventually
) -> None:
    killed = replay_with_kills(platform, day_of_trade, [*PROGRAMS, "gateway"], every=4)

    eventually(lambda: all(platform.back_again(*victim) for victim in killed.items()), timeout=60)


def test_killing_the_stores_loses_nothing(
    platform: Any, day_of_trade: Path, eventually: Eventually
) -> None:
    killed = replay_with_kills(platform, day_of_trade, ["valkey", "postgres"], every=15)

    eventually(lambda: all(platform.back_again(*victim) for victim in killed.items()), timeout=60)


def test_killing_rabbitmq_and_those_who_talk_to_it_loses_nothing(
    rabbitmq_platform: Any, day_of_trade: Path, eventually: Eventually
) -> None:
    victims = ["orders-worker", "rabbitmq", "payments-worker", "products-worker"]

    killed = replay_with_kills(rabbitmq_platform, day_of_trade, victims, every=10)

    back = rabbitmq_platform.back_again
    eventually(lambda: all(back(*victim) for victim in killed.items()), timeout=60)
