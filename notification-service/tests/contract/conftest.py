"""Each verifying server with the adapter that talks to it."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from chassis import clock
from notification_service.providers import load_providers
from notification_service.providers.port import ProviderTemplate, Sms, SmsProvider

sys.path.insert(0, str(Path(__file__).parent))

from verifying import (
    VerifyingAliyun,
    VerifyingHuawei,
    VerifyingServer,
    VerifyingTencent,
    VerifyingTwilio,
)

_SERVERS: dict[str, Callable[[], VerifyingServer]] = {
    "aliyun": VerifyingAliyun,
    "huawei": VerifyingHuawei,
    "tencent": VerifyingTencent,
    "twilio": VerifyingTwilio,
}
_CLASSES = {
    "aliyun": "notification_service.providers.aliyun:AliyunProvider",
    "huawei": "notification_service.providers.huawei:HuaweiProvider",
    "tencent": "notification_service.providers.tencent:TencentProvider",
    "twilio": "notification_service.providers.twilio:TwilioProvider",
}
_TEMPLATE = ProviderTemplate(
    template_id="SMS_71390007", sign_name="阿里云 测试*~", variables=("code", "name")
)


@dataclass(frozen=True)
class Line:
    """A verifying server, and what it takes to send to it."""

    name: str
    server: Any
    signature: str

    def provider(self, **changes: str) -> SmsProvider:
        """Return the adapter; changes: variables that differ from the server's."""
        patient = {"SMS_CONNECT_TIMEOUT": "10", "SMS_READ_TIMEOUT": "20"}
        settings = {**self.server.environment(), **patient, **changes}
        if self.name == "aliyun":
            settings["ALIYUN_SIGNATURE"] = self.signature
        (provider,) = load_providers([_CLASSES[self.name]], settings)
        return provider

    def sms(self, **changes: Any) -> Sms:
        """Return a new message that needs every kind of encoding."""
        message = Sms(
            id=uuid4(),
            to="+8613812345678",
            text="【测试】您的验证码 734512, O'Neill & Söhne + 100%",
            template=_TEMPLATE,
            params={"code": "734512", "name": "O'Neill & Söhne + 100%*~"},
        )
        return replace(message, **changes)


@pytest.fixture(params=["aliyun-acs3", "aliyun-v2", "huawei-wsse", "tencent-tc3", "twilio-basic"])
def line(request: pytest.FixtureRequest) -> Iterator[Line]:
    """Every provider in turn; Aliyun once with each signature."""
    name, _, signature = request.param.partition("-")
    with _SERVERS[name]() as server:
        yield Line(name, server, signature)


@pytest.fixture
def open_line() -> Iterator[Callable[[str], Line]]:
    """Return the line to one provider: `open_line("aliyun-v2")`."""
    opened: list[VerifyingServer] = []

    def open_one(text: str) -> Line:
        name, _, signature = text.partition("-")
        server = _SERVERS[name]().__enter__()
        opened.append(server)
        return Line(name, server, signature)

    yield open_one
    for server in opened:
        server.__exit__()


@pytest.fixture(autouse=True)
def _real_time() -> Iterator[None]:
    yield
    clock.reset()
