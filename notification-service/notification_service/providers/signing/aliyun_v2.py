"""Aliyun's signature version 2 (HMAC-SHA1) for calls of the RPC style.

Source: Alibaba Cloud, "V2 RPC-style request structure and signature". The vendor advises version 3;
this one is for gateways and keys that know nothing newer.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote

from notification_service.providers.signing.acs3 import canonical_query


def signed_parameters(
    parameters: Mapping[str, str],
    *,
    key_id: str,
    secret: str,
    now: datetime,
    nonce: str,
    method: str = "POST",
) -> dict[str, str]:
    """Return the parameters with those of the signature added, `Signature` among them.

    parameters: with `Action` and `Version`; sent in the query or in a form, signed all the same.
    now: UTC.
    """
    signed = {
        "Format": "JSON",
        **parameters,
        "AccessKeyId": key_id,
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "SignatureNonce": nonce,
        "Timestamp": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    to_sign = f"{method}&%2F&{quote(canonical_query(signed), safe='~')}"
    mac = hmac.new(f"{secret}&".encode(), to_sign.encode(), hashlib.sha1)
    return {**signed, "Signature": base64.b64encode(mac.digest()).decode()}
