"""How a client comes in: TLS, HTTP/2, the redirect, and what a configuration check says."""

import http.client
import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest


def test_the_configuration_is_valid_and_warns_of_nothing_but_what_1_22_needs(
    nginx_command: list[str], configure: Callable[..., Any]
) -> None:
    folder = configure(5000).folder

    checked = subprocess.run(
        [*nginx_command, "-t", "-c", str(folder / "nginx.conf")], capture_output=True, text=True
    )

    assert checked.returncode == 0, checked.stderr
    warnings = [line for line in checked.stderr.splitlines() if "[warn]" in line]
    assert [line for line in warnings if '"listen ... http2"' not in line] == []


def test_a_client_gets_http_2_over_tls_with_a_lasting_promise(edge: Any, recorder: Any) -> None:
    said = edge.curl("/api/echo/x", "--http2", "--dump-header", "-", "--write-out", "%{json}")

    head, _, rest = said.stdout.replace("\r\n", "\n").partition("\n\n")
    lines = head.lower().splitlines()
    assert said.returncode == 0, said.stderr
    assert lines[0].split() == ["http/2", "200"]
    assert [line for line in lines if line.startswith("strict-transport-security")] == [
        "strict-transport-security: max-age=31536000"
    ]
    assert [line for line in lines if line.startswith("server")] == ["server: nginx"]
    assert rest.startswith("{}")
    assert json.loads(rest.removeprefix("{}"))["http_version"] == "2"
    assert ("host", f"127.0.0.1:{recorder.port}") in recorder.fields()


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_current_version_of_tls_is_spoken(edge: Any, version: str) -> None:
    assert edge.curl("/health/live", f"--tlsv{version}", "--tls-max", version).returncode == 0


def test_an_old_version_of_tls_is_refused_by_nginx(edge: Any) -> None:
    # OpenSSL itself would not even offer it, hence SECLEVEL.
    old = edge.curl("/", "--tlsv1.0", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0")

    assert old.returncode == 35
    assert "alert protocol version" in old.stderr


def test_plain_http_is_sent_to_the_published_port_with_target_and_method_kept(edge: Any) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", edge.http_port, timeout=5)

    connection.request(
        "POST", "/api//echo/a%2Fb?x=%20y", b"{}", {"Host": f"shop.example:{edge.http_port}"}
    )
    answer = connection.getresponse()
    connection.close()

    assert answer.status == 308
    assert answer.headers["Location"] == "https://shop.example/api//echo/a%2Fb?x=%20y"


def test_plain_http_on_the_port_of_tls_is_refused_in_the_envelope(edge: Any) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", edge.https_port, timeout=5)

    connection.request("GET", "/")
    answer = connection.getresponse()
    document = json.loads(answer.read())
    connection.close()

    assert answer.status == 400
    assert document["code"] == "edge.malformed_request"
