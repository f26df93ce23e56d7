"""Over TLS a provider has to prove who it is, before it learns anything."""

import ssl
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from chassis import clock
from notification_service.providers.port import ErrorClass, ProviderError


def _self_signed(path: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    certificate = (
        builder.public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(clock.now() - timedelta(days=1))
        .not_valid_after(clock.now() + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path


def test_a_provider_with_a_certificate_of_nobody_gets_nothing(
    tmp_path: Path, open_line: Callable[[str], Any]
) -> None:
    line = open_line("twilio-basic")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_self_signed(tmp_path / "server.pem"))
    line.server.wrap(context)
    provider = line.provider(TWILIO_ENDPOINT=f"https://{line.server.address}")

    with pytest.raises(ProviderError) as caught:
        provider.send(line.sms())

    assert (caught.value.kind, caught.value.code) == (ErrorClass.CONFIGURATION, "certificate")
    assert line.server.requests == []
