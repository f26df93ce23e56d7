"""TC3-HMAC-SHA256, the signature of Tencent Cloud's API 3.0.

Source: Tencent Cloud, "API 3.0 signature v3".
"""

import hashlib
import hmac
from datetime import datetime

ALGORITHM = "TC3-HMAC-SHA256"
CONTENT_TYPE = "application/json; charset=utf-8"
_SIGNED = "content-type;host"


def authorization(
    *, secret_id: str, secret_key: str, host: str, service: str, body: bytes, now: datetime
) -> str:
    """Return the `Authorization` header of a JSON POST to `/`.

    host: with its port unless that is the scheme's own. now: UTC, also sent as `X-TC-Timestamp`.
    """
    lines = f"content-type:{CONTENT_TYPE}\nhost:{host}\n"
    digest = hashlib.sha256(body).hexdigest()
    request = "\n".join(("POST", "/", "", lines, _SIGNED, digest))
    date = now.strftime("%Y-%m-%d")
    scope = f"{date}/{service}/tc3_request"
    hashed = hashlib.sha256(request.encode()).hexdigest()
    to_sign = f"{ALGORITHM}\n{int(now.timestamp())}\n{scope}\n{hashed}"
    key = f"TC3{secret_key}".encode()
    for part in (date, service, "tc3_request"):
        key = _mac(key, part)
    signature = _mac(key, to_sign).hex()
    return (
        f"{ALGORITHM} Credential={secret_id}/{scope}, "
        f"SignedHeaders={_SIGNED}, Signature={signature}"
    )


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
