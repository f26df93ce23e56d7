"""X-WSSE, Huawei Cloud's authentication of Message & SMS.

Source: Huawei Cloud, Message & SMS, API reference, "Authentication", and its sample code. The text
says Base64(SHA256(Nonce + Created + Password)); all samples take the digest in hexadecimal.
"""

import base64
import hashlib
from datetime import datetime

AUTHORIZATION = 'WSSE realm="SDP",profile="UsernameToken",type="Appkey"'


def signed_headers(*, app_key: str, app_secret: str, now: datetime, nonce: str) -> dict[str, str]:
    """Return the two headers that authenticate a request; they do not cover its body. now: UTC."""
    created = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    digest = hashlib.sha256(f"{nonce}{created}{app_secret}".encode()).hexdigest()
    token = {
        "Username": app_key,
        "PasswordDigest": base64.b64encode(digest.encode()).decode(),
        "Nonce": nonce,
        "Created": created,
    }
    fields = ",".join(f'{name}="{value}"' for name, value in token.items())
    return {"Authorization": AUTHORIZATION, "X-WSSE": f"UsernameToken {fields}"}
