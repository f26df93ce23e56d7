"""The gateway's log file: its processes share it, with the lines of the console."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_each_request_stands_once_in_the_files_of_all_processes(
    start_gateway: Any,
    service_table: Any,
    shared_recorder: Any,
    tmp_path: Path,
    eventually: Callable[..., None],
) -> None:
    environ = {
        "ECHO_URL": shared_recorder.url,
        "WEB_WORKERS": "2",
        "LOG_FILE": str(tmp_path / "{service}.log"),
        "LOG_FILE_BYTES": "3000",
        "LOG_FILE_COUNT": "50",
    }
    table = service_table("echo", "ECHO_URL", 'paths = ["/.well-known/jwks.json"]')
    gateway = start_gateway(table, environ)
    sent = [f"request-{number:04}" for number in range(40)]
    for request_id in sent:
        assert gateway.ask("/api/echo/x", headers={"X-Request-ID": request_id}).status == 200

    def written() -> list[str]:
        files = [path for path in tmp_path.glob("gateway.log*") if path.suffix != ".lock"]
        lines = [json.loads(line) for path in files for line in path.read_text().splitlines()]
        return sorted(line["request_id"] for line in lines if line["event"] == "request")

    eventually(lambda: len(written()) >= 40)
    assert written() == sent
    assert len(list(tmp_path.glob("gateway.log.[0-9]*"))) > 2


def test_a_file_that_cannot_be_made_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    environ = {"LOG_FILE": str(tmp_path / "file" / "gateway.log")}
    urls = ("USERS", "PRODUCTS", "ORDERS", "PAYMENTS", "NOTIFICATIONS")
    environ |= {f"{name}_URL": "http://127.0.0.1:1" for name in urls}
    done = subprocess.run(
        [sys.executable, "-m", "api_gateway"], env=environ, capture_output=True, text=True,
        timeout=20, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (78, "")
    assert "LOG_FILE cannot be written" in done.stderr and "Traceback" not in done.stderr
