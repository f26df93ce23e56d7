"""The official SDKs against the verifying servers, which therefore verify what providers verify."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import sdks

SCRIPT = Path(__file__).with_name("sdk_calls.py")
CHINA = timezone(timedelta(hours=8))


@pytest.fixture(scope="session")
def sdk_folder() -> Path:
    """Where the SDKs are; installed by the first run, in CI by a step of its own that must pass."""
    try:
        return sdks.install(timeout=90)
    except sdks.NotInstalled as problem:
        pytest.skip(f"the providers' SDKs cannot be installed: {problem}")


@pytest.fixture
def call_sdk(sdk_folder: Path) -> Callable[[str, str], dict[str, Any]]:
    """Run sdk_calls.py: `call_sdk("aliyun-v2", "127.0.0.1:1234")`."""

    def call(which: str, address: str) -> dict[str, Any]:
        today = datetime.now(CHINA).strftime("%Y%m%d")
        done = subprocess.run(
            [sys.executable, "-S", str(SCRIPT), which, address, today],
            env={**os.environ, "PYTHONPATH": str(sdk_folder), "NO_PROXY": "127.0.0.1"},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return told

    return call


@pytest.mark.parametrize(
    ("which", "authentication", "code"),
    [
        ("aliyun-acs3", "acs3", "OK"),
        ("aliyun-v2", "v2", "OK"),
        ("huawei", "sdk-hmac-sha256", "000000"),
        ("tencent", "tc3", "Ok"),
        ("twilio", "basic", "queued"),
    ],
)
def test_the_official_sdk_is_accepted_and_sends_what_our_adapter_sends(
    which: str,
    authentication: str,
    code: str,
    open_line: Callable[[str], Any],
    call_sdk: Callable[[str, str], dict[str, Any]],
) -> None:
    line = open_line(which)

    told = call_sdk(which, line.server.address)

    line.provider().send(line.sms())
    message, by_us = line.server.messages
    assert (told["code"], told["id"]) == (code, message.provider_id)
    assert message.id == "from-the-sdk"
    assert told["found"] in ("from-the-sdk", message.fields.get("Body"))
    assert line.server.authentications[0] == authentication
    assert line.server.refusals == []
    assert _alike(by_us) == _alike(message)


def _alike(message: Any) -> dict[str, Any]:
    # Ids differ, and Twilio's test number is no number of China.
    own = {"OutId", "extend", "SessionContext", "StatusCallback", "To", "Body"}
    # What only signs, as Aliyun's older signature does among the parameters.
    own |= {"Signature", "SignatureNonce", "Timestamp", "Format", "RegionId"}
    return {name: value for name, value in message.fields.items() if name not in own and value}
