"""The route table is checked whole before it is used."""

from pathlib import Path
from typing import Any

import pytest

from api_gateway.route_file import load_routes
from api_gateway.routes import Address, Limit, Timeouts
from chassis.config import ConfigError
from platform_cli.manifest import own_services

ECHO = '[services.echo]\nprefix = "/api/echo"\nupstream = "ECHO_URL"\n'


@pytest.fixture
def load(tmp_path: Path) -> Any:
    def read(text: str, **environ: str) -> Any:
        path = tmp_path / "routes.toml"
        path.write_text(text)
        return load_routes(str(path), environ)

    return read


def test_packaged_table_has_every_service_and_its_public_routes() -> None:
    table = load_routes("", {})
    found = {name: route.addresses for name, route in table.routes.items()}
    assert found == {one.name: (Address("127.0.0.1", one.port),) for one in own_services()}
    public = [
        ("POST", "/api/users/register"), ("POST", "/api/users/login"),
        ("POST", "/api/users/refresh"), ("GET", "/.well-known/jwks.json"),
        ("GET", "/api/products"), ("GET", "/api/products/1/x"), ("HEAD", "/api/products/1"),
        ("POST", "/api/payments/webhooks/sandbox"), ("GET", "/api/notifications/inbox"),
        ("POST", "/api/notifications/receipts/aliyun/secret"),
        ("POST", "/api/notifications/unsubscribe/link"),
        *(("GET", f"/api/{name}/openapi.json") for name in table.routes),
    ]  # fmt: skip
    guarded = [
        ("GET", "/api/users/me"), ("POST", "/api/products"), ("GET", "/api/orders"),
        ("POST", "/api/orders"), ("GET", "/api/payments/1"), ("GET", "/api/payments/webhooks/x"),
        ("POST", "/api/notifications/sms"), ("GET", "/api/notifications/receipts/urls"),
        ("GET", "/api/users/login"), ("PATCH", "/api/products/1"),
    ]  # fmt: skip
    decided = {
        (method, path): table.match(path).public.cover(method, path)  # type: ignore[union-attr]
        for method, path in public + guarded
    }
    assert decided == {**dict.fromkeys(public, True), **dict.fromkeys(guarded, False)}


@pytest.mark.parametrize(
    ("path", "service"),
    [("/api/echo", "echo"), ("/api/echo/", "echo"), ("/api/echo/a/b", "echo"), ("/extra", "echo"),
     ("/api/echoes", None), ("/api/ech", None), ("/extra/", None), ("/api", None), ("/", None)],
)  # fmt: skip
def test_path_finds_its_service(load: Any, path: str, service: str | None) -> None:
    route = load(ECHO + 'paths = ["/extra"]\n', ECHO_URL="http://h:1").match(path)
    assert (route.name if route else None) == service


def test_instances_come_from_the_variable(load: Any) -> None:
    table = load(ECHO, ECHO_URL="http://a:1, http://[::1]:2/,http://c")
    assert table.routes["echo"].addresses == (
        Address("a", 1), Address("[::1]", 2), Address("c", 80),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "environ", "problem"),
    [
        ("[services", {}, "Expected"),
        ("", {}, "there is no [services.NAME]"),
        (ECHO, {}, "services.echo: ECHO_URL is not set and there is no default"),
        (ECHO, {"ECHO_URL": "https://h"}, "ECHO_URL must hold base URLs"),
        (ECHO, {"ECHO_URL": "http://h:70000"}, "ECHO_URL must hold base URLs"),
        (ECHO, {"ECHO_URL": "http://u@h"}, "ECHO_URL must hold base URLs"),
        (ECHO + "timeout = 1", {"ECHO_URL": "http://h"}, "services.echo: timeout is not known"),
        (ECHO + "critical = 1", {"ECHO_URL": "http://h"}, "critical must be of type bool"),
        (ECHO + "read_timeout = 0", {"ECHO_URL": "http://h"}, "read_timeout must be above 0"),
        (ECHO + 'public = ["GET"]', {"ECHO_URL": "http://h"}, "public: 'GET' is not"),
        (ECHO + 'public = ["GET /a/*/b"]', {"ECHO_URL": "http://h"}, "public: "),
        (ECHO + 'public = ["GET /other"]', {"ECHO_URL": "http://h"}, "is not a path of this"),
        (ECHO.replace("/api/echo", "/echo"), {"ECHO_URL": "http://h"}, "prefix must have two"),
        (ECHO + ECHO.replace(".echo", ".echo2"), {"ECHO_URL": "http://h"}, "/api/echo is there"),
    ],
)
def test_wrong_table_is_refused_with_the_reason(
    load: Any, text: str, environ: dict[str, str], problem: str
) -> None:
    with pytest.raises(ConfigError) as refusal:
        load(text, **environ)
    assert problem in str(refusal.value)


def test_all_problems_are_told_at_once(load: Any) -> None:
    with pytest.raises(ConfigError) as refusal:
        load(ECHO + ECHO.replace("echo", "more"))
    assert len(refusal.value.problems) == 2


RULES = (
    ECHO
    + """max_in_flight = 7
read_timeout = 5
limits = ["100/minute per address"]

[[services.echo.rules]]
match = ["POST /api/echo/import"]
max_body_bytes = 99
total_timeout = 60.5

[[services.echo.rules]]
match = ["GET /api/echo/slow/*", "POST /api/echo/login"]
limits = ["3/hour per user"]
"""
)


def test_rule_holds_in_the_place_of_the_services_own_policy(load: Any) -> None:
    route = load(RULES, ECHO_URL="http://h").routes["echo"]
    general = Limit("echo-address-60", 100, 60, "address")
    assert route.max_in_flight == 7
    found = [
        route.policy(method, path)
        for method, path in [
            ("GET", "/api/echo/import"), ("POST", "/api/echo/import"), ("HEAD", "/api/echo/slow/1"),
        ]
    ]  # fmt: skip
    assert [(one.timeouts, one.max_body_bytes, one.limits) for one in found] == [
        (Timeouts(1.0, 5.0, 0.0), None, (general,)),
        (Timeouts(1.0, 5.0, 60.5), 99, (general,)),
        (Timeouts(1.0, 5.0, 0.0), None, (general, Limit("echo-2-user-3600", 3, 3600, "user"))),
    ]


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (("max_in_flight = 7", "max_in_flight = 0"), "line 4: services.echo: max_in_flight must"),
        (('limits = ["100', 'limits = ["0'), "line 6: services.echo: limit '0/minute per add"),
        (("= 99", "= '99'"), "line 10: services.echo: max_body_bytes must be of type int"),
        (("/api/echo/slow", "/slow"), "line 14: services.echo: match: /slow is not a path of this"),
        (("3/hour", "3/year"), "line 15: services.echo: limit '3/year per user' is not"),
        (('match = ["POST /api/echo/import"]', ""), "line 8: services.echo: match is missing"),
        (("[services.echo]", "[services.echo"), "(at line 1, column 15)"),
    ],
)
def test_wrong_table_is_refused_with_the_line(
    load: Any, wrong: tuple[str, str], problem: str
) -> None:
    with pytest.raises(ConfigError) as refusal:
        load(RULES.replace(*wrong), ECHO_URL="http://h")
    assert problem in str(refusal.value)
