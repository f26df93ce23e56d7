"""Mails go over a connection that is safe, to the server that was meant, or not at all."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from chassis import clock
from notification_service.mail.smtp import SmtpMail
from notification_service.providers.port import ErrorClass, ProviderError

Letter = Callable[..., EmailMessage]
Open = Callable[..., Any]
LOGIN = {"SMTP_USER": "shop", "SMTP_PASSWORD": "correct horse"}


@dataclass(frozen=True)
class Authority:
    """An authority that nobody else knows. file: its certificate (PEM)."""

    file: Path
    folder: Path
    key: ec.EllipticCurvePrivateKey
    name: x509.Name

    def server(self, host: str) -> ssl.SSLContext:
        """Return what a server needs whose certificate names `host`."""
        key = ec.generate_private_key(ec.SECP256R1())
        try:
            names: x509.GeneralName = x509.IPAddress(ip_address(host))
        except ValueError:
            names = x509.DNSName(host)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
        signed = (
            _certificate(name, self.name, key.public_key())
            .add_extension(x509.SubjectAlternativeName([names]), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        path = self.folder / f"{host}.pem"
        path.write_bytes(_private(key) + signed.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that signs certificates of servers."""
    folder = tmp_path_factory.mktemp("certificates")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Authority of a test")])
    own = (
        _certificate(name, name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "ca.pem"
    file.write_bytes(own.public_bytes(serialization.Encoding.PEM))
    return Authority(file, folder, key, name)


@pytest.fixture
def ca(authority: Authority) -> dict[str, str]:
    """What tells a transport of the authority."""
    return {"SMTP_CA_FILE": str(authority.file)}


@pytest.fixture
def secure(authority: Authority) -> dict[str, Any]:
    """Options of a post office that wants STARTTLS and a login."""

    def judge(line: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        right = LoginPassword(b"shop", b"correct horse")
        # Not "handled": aiosmtpd is to answer a refusal itself.
        return AuthResult(success=data == right, handled=False, auth_data=data)

    return {
        "tls_context": authority.server("127.0.0.1"),
        "require_starttls": True,
        "auth_required": True,
        "authenticator": judge,
    }


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(clock.now() - timedelta(days=1))
        .not_valid_after(clock.now() + timedelta(days=1))
    )


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _error(transport: SmtpMail, letter: Letter) -> tuple[ErrorClass, str]:
    with pytest.raises(ProviderError) as caught:
        transport.send("mei@example.org", letter())
    assert "horse" not in f"{caught.value!r} {caught.value}"
    return caught.value.kind, caught.value.code


def test_a_mail_goes_by_starttls_after_a_login(
    open_post: Open,
    open_transport: Open,
    secure: dict[str, Any],
    ca: dict[str, str],
    letter: Letter,
) -> None:
    post = open_post(**secure)
    transport = open_transport(post.port, SMTP_SECURITY="starttls", **ca, **LOGIN)

    transport.send("mei@example.org", letter())
    transport.send("li@example.org", letter())

    assert [(mail.encrypted, mail.user) for mail in post.mails] == [(True, "shop")] * 2
    assert post.connections == 1


def test_a_mail_goes_by_tls_from_the_start(
    open_post: Open, open_transport: Open, authority: Authority, ca: dict[str, str], letter: Letter
) -> None:
    post = open_post(ssl=authority.server("127.0.0.1"))

    open_transport(post.port, SMTP_SECURITY="tls", **ca).send("mei@example.org", letter())

    assert [mail.receivers for mail in post.mails] == [["mei@example.org"]]


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_of_nobody_ends_it(
    security: str, open_post: Open, open_transport: Open, authority: Authority, letter: Letter
) -> None:
    context = authority.server("127.0.0.1")
    post = open_post(**{"ssl" if security == "tls" else "tls_context": context})

    error = _error(open_transport(post.port, SMTP_SECURITY=security), letter)

    assert error == (ErrorClass.CONFIGURATION, "certificate")
    assert post.commands == []


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_of_another_host_ends_it(
    security: str,
    open_post: Open,
    open_transport: Open,
    authority: Authority,
    ca: dict[str, str],
    letter: Letter,
) -> None:
    context = authority.server("mx.example.com")
    post = open_post(**{"ssl" if security == "tls" else "tls_context": context})

    error = _error(open_transport(post.port, SMTP_SECURITY=security, **ca), letter)

    assert error == (ErrorClass.CONFIGURATION, "certificate")
    assert post.commands == []


def test_a_server_without_starttls_gets_nothing_in_clear(
    open_post: Open, open_transport: Open, letter: Letter
) -> None:
    post = open_post()

    error = _error(open_transport(post.port, SMTP_SECURITY="starttls", **LOGIN), letter)

    assert error == (ErrorClass.CONFIGURATION, "not_offered")
    assert post.commands == []


def test_a_server_without_a_login_is_configured_wrongly(
    open_post: Open, open_transport: Open, authority: Authority, ca: dict[str, str], letter: Letter
) -> None:
    # aiosmtpd does not count TLS from the start as secure enough to offer a login.
    post = open_post(ssl=authority.server("127.0.0.1"))

    error = _error(open_transport(post.port, SMTP_SECURITY="tls", **ca, **LOGIN), letter)

    assert error == (ErrorClass.CONFIGURATION, "not_offered")


def test_a_wrong_password_is_a_wrong_configuration(
    open_post: Open,
    open_transport: Open,
    secure: dict[str, Any],
    ca: dict[str, str],
    letter: Letter,
) -> None:
    post = open_post(**secure)
    login = {**LOGIN, "SMTP_PASSWORD": "wrong horse"}

    error = _error(open_transport(post.port, SMTP_SECURITY="starttls", **ca, **login), letter)

    assert error == (ErrorClass.CONFIGURATION, "535 5.7.8")
    assert post.commands == []


def test_a_server_that_wants_a_login_refuses_who_has_none(
    open_post: Open,
    open_transport: Open,
    secure: dict[str, Any],
    ca: dict[str, str],
    letter: Letter,
) -> None:
    post = open_post(**secure)

    error = _error(open_transport(post.port, SMTP_SECURITY="starttls", **ca), letter)

    assert error == (ErrorClass.CONFIGURATION, "530 5.7.0")


def test_tls_at_a_port_that_speaks_none_may_pass(
    open_post: Open, open_transport: Open, letter: Letter
) -> None:
    error = _error(open_transport(open_post().port, SMTP_SECURITY="tls"), letter)

    assert error == (ErrorClass.RETRYABLE, "tls")
