"""`./platform demo`."""

from pathlib import Path

import click
from rich.console import Console

from platform_cli.demo.catalogue import seed
from platform_cli.demo.story import Story
from platform_cli.errors import PlatformError
from platform_cli.running import find_running
from platform_cli.shop_client import ApiError, ShopClient


@click.command("demo")
@click.option("--url", help="Gateway of a platform that runs elsewhere.")
@click.option("--var", type=click.Path(path_type=Path), help="Data folder of the platform.")
def command(url: str | None, var: Path | None) -> None:
    """Fill the shop with 40 products and tell one customer's way through it."""
    running = find_running(var, url)
    client, console = ShopClient(running.url), Console()
    try:
        admin = client.login(running.admin_email, running.admin_password)
        products = seed(client, admin)
        console.print(f"The shop at {running.url} offers {len(products)} products.\n")
        Story(client, admin, products, console).tell()
    except ApiError as error:
        raise PlatformError(f"the demo stopped: {error}") from error
    console.print("\nEverything happened as it should.")
