"""What must not be in a log line, whatever happens."""

import logging
from typing import Any

import pytest

Till = Any


@pytest.mark.parametrize("source", ["tok_success", "tok_declined", "tok_timeout_after"])
def test_tokens_stay_out_of_the_logs(
    till: Till, clock: Any, caplog: pytest.LogCaptureFixture, source: str
) -> None:
    caplog.set_level(logging.DEBUG)

    till.pay(source)
    till.post("", {"order_id": "x", "source": f"{source}!"}, key="k")
    clock.move(60)
    till.sweep()

    assert "operation applied" in caplog.messages
    logged = caplog.text + str([vars(record) for record in caplog.records])
    assert source not in logged
    assert till.customer["Authorization"].removeprefix("Bearer ") not in logged
