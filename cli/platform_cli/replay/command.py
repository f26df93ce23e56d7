"""`./platform replay FILE`."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from platform_cli.audit import Check, settle
from platform_cli.errors import PlatformError
from platform_cli.replay.plan import Plan, make_plan
from platform_cli.replay.report import print_report
from platform_cli.replay.rows import UnusableFile, read
from platform_cli.replay.runner import Outcome, Replay
from platform_cli.replay.shop import Shop
from platform_cli.running import find_running
from platform_cli.shop_client import ApiError, ShopClient


@click.command("replay")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--concurrency",
    type=click.IntRange(1, 64),
    default=8,
    show_default=True,
    help="Customers at once.",
)
@click.option(
    "--speed", type=click.FloatRange(min=0), default=0, help="Times the original pace; 0: at once."
)
@click.option("--limit", type=click.IntRange(1), help="Only the first invoices of the file.")
@click.option("--run", "run_name", help="Name of this run; the same name again continues it.")
@click.option("--url", help="Gateway of a platform that runs elsewhere.")
@click.option("--var", type=click.Path(path_type=Path), help="Data folder of the platform.")
def command(
    file: Path,
    concurrency: int,
    speed: float,
    limit: int | None,
    run_name: str | None,
    url: str | None,
    var: Path | None,
) -> None:
    """Place, pay and refund every invoice of FILE (.csv or .csv.gz) through the gateway.

    FILE has the columns of the "Online Retail" data set. Ends with a report of orders, requests,
    latencies and the shop's invariants; exit status 1 when one of them does not hold.
    """
    running = find_running(var, url)
    try:
        plan = make_plan(read(file))
    except UnusableFile as error:
        raise PlatformError(str(error)) from error
    if limit:
        plan = Plan(plan.goods, plan.invoices[:limit], plan.unusable, plan.lines)
    client = ShopClient(running.url)
    name = run_name or f"replay-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    shop = Shop(client, name, (running.admin_email, running.admin_password))
    console = Console()
    try:
        good = _run(console, client, Replay(shop, plan, concurrency, speed))
    except ApiError as error:
        raise PlatformError(f"the replay cannot go on: {error}") from error
    sys.exit(0 if good else 1)


def _run(console: Console, client: ShopClient, run: Replay) -> bool:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("importing the catalogue", total=len(run.plan.invoices))

        def advance(outcome: Outcome) -> None:
            bar.update(task, advance=1, description=f"{outcome.invoice} {outcome.state}")

        run.progress = advance
        seconds = run.run()
        bar.update(task, description="waiting until nothing moves")
        checks = [*settle(client, run.shop.admin), _one_payment_each(run)]
    return print_report(
        console, run.plan, list(run.outcomes.values()), client.traffic, checks, seconds
    )


def _one_payment_each(run: Replay) -> Check:
    """Compare each order of this run with its payments, as its customer would see them."""
    wrong = []
    placed = [outcome for outcome in run.outcomes.values() if outcome.order_id]
    for outcome in placed:
        token = run.shop.admin
        order = run.shop.client.call(
            "GET", f"/api/orders/{outcome.order_id}", token=token, kind="check"
        )
        path = f"/api/payments?order_id={outcome.order_id}"
        payments = run.shop.client.call("GET", path, token=token, kind="check")
        captured = [
            payment["captured_amount"] for payment in payments if payment["captured_amount"]
        ]
        expected = [order["total"]["amount"]] if order["payment_id"] else []
        if captured != expected:
            wrong.append(outcome.invoice)
    detail = f"{len(placed)} orders" + (f", wrong: {', '.join(wrong[:5])}" if wrong else "")
    return Check("each order of this run was charged once, with its total", not wrong, detail)
