"""The certificate is checked against the name that was asked for, not the address."""

import datetime
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.tools.web_page.site import Site
from training_free_grpo.tools.web_page import PageError, PageReader


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for secure.example, with its key, that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "secure.example")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("secure.example")]), False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "secure.pem"
    file.write_bytes(
        signed.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return file


@pytest.fixture
def names() -> list[str | None]:
    """The names that clients asked for in SNI."""
    return []


@pytest.fixture
def secure(certificate: Path, names: list[str | None]) -> Iterator[Site]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda connection, name, context: names.append(name)
    with Site(context).running() as site:
        site.put("/", "<p>Hello.")
        yield site


def reader(site: Site, trusted: Path | None) -> PageReader:
    return PageReader(
        allow_hosts=[f"secure.example:{site.server_port}", f"other.example:{site.server_port}"],
        resolve=lambda host, port: ["127.0.0.1"],
        ssl_context=ssl.create_default_context(cafile=trusted) if trusted else None,
    )


def test_a_checked_address_is_asked_under_its_name(
    secure: Site, certificate: Path, names: list[str | None]
) -> None:
    page = reader(secure, certificate).read(f"https://secure.example:{secure.server_port}/")
    assert page["text"] == "Hello."
    assert names == ["secure.example"]
    assert secure.requests[0]["Host"] == f"secure.example:{secure.server_port}"


def test_a_certificate_for_another_name_is_refused(secure: Site, certificate: Path) -> None:
    with pytest.raises(PageError, match="certificate"):
        reader(secure, certificate).read(f"https://other.example:{secure.server_port}/")
    assert not secure.requests


def test_a_certificate_of_an_unknown_authority_is_refused(secure: Site) -> None:
    with pytest.raises(PageError, match="certificate"):
        reader(secure, None).read(f"https://secure.example:{secure.server_port}/")
    assert not secure.requests
