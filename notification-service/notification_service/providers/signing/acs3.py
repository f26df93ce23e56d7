"""ACS3-HMAC-SHA256, Aliyun's signature version 3.

Source: Alibaba Cloud, "V3 request structure and signature" (OpenAPI, request syntax).
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote, urlencode

ALGORITHM = "ACS3-HMAC-SHA256"


def canonical_query(parameters: Mapping[str, str]) -> str:
    """Return the parameters sorted by name and encoded by RFC 3986, as signed and as sent."""
    return urlencode(sorted(parameters.items()), safe="~", quote_via=quote)


def signed_headers(
    *,
    key_id: str,
    secret: str,
    host: str,
    action: str,
    version: str,
    query: str,
    now: datetime,
    nonce: str,
) -> dict[str, str]:
    """Return the headers of a POST to `/` with all parameters in `query` and an empty body.

    host: with its port unless that is the scheme's own. query: as of `canonical_query`. now: UTC.
    """
    digest = hashlib.sha256(b"").hexdigest()
    headers = {
        "host": host,
        "x-acs-action": action,
        "x-acs-content-sha256": digest,
        "x-acs-date": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-acs-signature-nonce": nonce,
        "x-acs-version": version,
    }
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    request = "\n".join(("POST", "/", query, lines, names, digest))
    to_sign = f"{ALGORITHM}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signature = hmac.new(secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
    credential = f"Credential={key_id},SignedHeaders={names},Signature={signature}"
    return {**headers, "Authorization": f"{ALGORITHM} {credential}"}
