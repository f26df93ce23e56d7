"""One worker of notification-service: messages a second, and the time from event to sent.

Run with `python benchmarks/notifications/run.py [--broker rabbitmq]`. It starts its own stores, and
a provider that checks every signature and counts; the times are those that the service notes.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from worker import Bench, Stores, bench, stores

MESSAGES = 1000
RATES = (10, 50)
SECONDS = 20
# A provider on the Internet needs some such time; with 0 the machine alone sets the pace.
ANSWERS = (0.0, 0.05)


def drain(run: Bench, *, by_events: bool) -> tuple[float, float]:
    """Send what is there already; return messages a second and ms of the worker's CPU for each."""
    events = run.events(MESSAGES)
    if by_events:
        for start in range(0, MESSAGES, 500):
            run.bus.publish(events[start : start + 500])
    else:
        run.accept(events)
    run.start()
    run.wait(1)
    cpu = run.cpu_seconds()
    before = len(run.times())
    run.wait(MESSAGES)
    spent = (run.cpu_seconds() - cpu) / (MESSAGES - before)
    moments = [moment for _, moment in run.times()]
    # Without the first and the last hundred: the worker warms up, threads run out of work.
    steady = moments[100:-100]
    counted_once(run)
    return (len(steady) - 1) / (steady[-1] - steady[0]), spent * 1000


def pace(run: Bench, rate: int) -> list[float]:
    """Publish `rate` events a second; return the seconds from each event to sent, sorted."""
    run.start()
    run.bus.publish(run.events(20))
    run.wait(20)
    published: dict[str, float] = {}
    began = time.monotonic()
    for number in range(rate * SECONDS):
        (event,) = run.events(1)
        published[event.subject] = event.time.timestamp()
        run.bus.publish([event])
        time.sleep(max(0.0, began + (number + 1) / rate - time.monotonic()))
    run.wait(rate * SECONDS + 20)
    counted_once(run)
    sent = dict(run.times())
    return sorted(sent[number] - moment for number, moment in published.items())


def counted_once(run: Bench) -> None:
    """End the benchmark where the provider's books do not say: each message once."""
    counts = run.provider.counts()
    if set(counts.values()) != {1} or len(counts) != len(run.times()) or run.provider.refusals:
        raise SystemExit(f"the provider counted otherwise: {run.provider.refusals[:3]}")


def quantile(times: Sequence[float], part: float) -> str:
    """Return a quantile of sorted times in ms."""
    return f"{times[min(len(times) - 1, int(len(times) * part))] * 1000:.0f}"


def report_drain(servers: Stores, rounds: int) -> None:
    """Print how fast one worker sends what waits."""
    print("| what waits | provider answers in | messages a second | worker's CPU for each |")
    print("| --- | --- | --- | --- |")
    for by_events in (False, True):
        for seconds in ANSWERS:
            found = []
            for _ in range(rounds):
                with bench(servers, seconds) as run:
                    found.append(drain(run, by_events=by_events))
            rates, spent = zip(*found, strict=True)
            what = "events at the broker" if by_events else "messages in the queue"
            several = ", ".join(f"{rate:.0f}" for rate in rates)
            print(
                f"| {what} | {seconds * 1000:.0f} ms | {statistics.median(rates):.0f} ({several})"
                f" | {statistics.median(spent):.1f} ms |",
                flush=True,
            )


def report_pace(servers: Stores) -> None:
    """Print how long a message takes at a steady rate."""
    print("\n| events a second | provider answers in | p50 | p95 | p99 | longest |")
    print("| --- | --- | --- | --- | --- | --- |")
    for rate in RATES:
        for seconds in ANSWERS:
            with bench(servers, seconds) as run:
                times = pace(run, rate)
            parts = " | ".join(f"{quantile(times, part)} ms" for part in (0.5, 0.95, 0.99, 1))
            print(f"| {rate} | {seconds * 1000:.0f} ms | {parts} |", flush=True)


def main() -> None:
    """Measure and print tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--broker", choices=["redis", "rabbitmq"], default="redis")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with stores(options.broker) as servers:
        report_drain(servers, options.rounds)
        report_pace(servers)


if __name__ == "__main__":
    main()
