"""SMS providers on loopback that trust nobody.

Each checks signature, time and nonce of every request by the provider's documents, in code of its
own that shares nothing with our signers, and counts what it accepted by our id.
"""

from verifying.aliyun import VerifyingAliyun
from verifying.huawei import VerifyingHuawei
from verifying.server import VerifyingServer
from verifying.tencent import VerifyingTencent
from verifying.twilio import VerifyingTwilio
from verifying.wire import Message, Push

__all__ = [
    "Message",
    "Push",
    "VerifyingAliyun",
    "VerifyingHuawei",
    "VerifyingServer",
    "VerifyingTencent",
    "VerifyingTwilio",
]
