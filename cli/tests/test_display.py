import pytest

from platform_cli.banner import banner
from platform_cli.display import Display
from platform_cli.supervisor.state import ProcessState, State


def state(phase: str, **phases: str) -> State:
    rows = tuple(
        ProcessState(
            name=name,
            phase=now,
            pid=None,
            port=None,
            started_at=0.0,
            restarts=0,
            error="ended with 1: why" if now == "restarting" else "",
        )
        for name, now in phases.items()
    )
    return State(pid=1, phase=phase, gateway="http://127.0.0.1:5000", processes=rows)


def test_without_a_terminal_each_change_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with Display() as display:
        display(state("starting", postgres="starting", web="waiting"))
        display(state("starting", postgres="ready", web="waiting"))
        display(state("starting", postgres="ready", web="starting"))
        display(state("starting", postgres="ready", web="restarting"))
        display(state("ready", postgres="ready", web="ready"))
        display(state("ready", postgres="ready", web="ready"))
    lines = [line.split("s  ", 1)[1].split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        ["postgres", "ready"],
        ["web", "restarting", "ended", "with", "1:", "why"],
        ["web", "ready"],
    ]


def test_what_never_started_is_not_reported_as_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    with Display() as display:
        display(state("starting", web="waiting"))
        display(state("failed", web="stopped"))
    assert capsys.readouterr().out == ""


def test_the_banner_names_gateway_admin_and_three_requests() -> None:
    text = banner(state("ready"), {"ADMIN_PASSWORD": "made"}, {})
    assert text.splitlines()[1:] == [
        "Gateway      http://127.0.0.1:5000",
        "First admin  admin@example.com  made",
        "",
        "curl http://127.0.0.1:5000/health",
        "curl http://127.0.0.1:5000/api/products",
        "curl http://127.0.0.1:5000/api/users/login -H 'Content-Type: application/json' "
        '-d \'{"email": "admin@example.com", "password": "made"}\'',
    ]


def test_the_banner_shows_the_admin_that_the_user_chose() -> None:
    chosen = {"ADMIN_EMAIL": "me@example.org", "ADMIN_PASSWORD": "mine"}
    assert "First admin  me@example.org  mine" in banner(
        state("ready"), {"ADMIN_PASSWORD": "made"}, chosen
    )
