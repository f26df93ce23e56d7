"""What `up` prints when everything is ready."""

from collections.abc import Mapping

from platform_cli.supervisor.state import State
from platform_cli.supervisor.topology import ADMIN_EMAIL


def banner(state: State, secrets: Mapping[str, str], environment: Mapping[str, str]) -> str:
    """Return the gateway's address, the first administrator and three requests to try."""
    url = state.gateway
    email = environment.get("ADMIN_EMAIL", ADMIN_EMAIL)
    password = environment.get("ADMIN_PASSWORD", secrets["ADMIN_PASSWORD"])
    body = f'{{"email": "{email}", "password": "{password}"}}'
    return "\n".join(
        (
            "",
            f"Gateway      {url}",
            f"First admin  {email}  {password}",
            "",
            f"curl {url}/health",
            f"curl {url}/api/products",
            f"curl {url}/api/users/login -H 'Content-Type: application/json' -d '{body}'",
            "",
        )
    )
