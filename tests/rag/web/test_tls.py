"""HTTPS to an address that was looked up beforehand: the certificate is still checked by the host's name."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from aion.rag.web.client import Client, Unreachable
from tests.rag.web.site import Site, serving


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file with the key and the certificate of sintra.test."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    key, made = folder / "key.pem", folder / "made.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", str(key), "-out",
         str(made), "-subj", "/CN=sintra.test", "-addext", "subjectAltName=DNS:sintra.test"],
        check=True, capture_output=True,
    )  # fmt: skip
    whole = folder / "whole.pem"
    whole.write_text(key.read_text() + made.read_text())
    return whole


@pytest.fixture
def site(certificate: Path) -> Iterator[tuple[Site, list[str]]]:
    """A server over TLS, and the names it was asked for by (SNI)."""
    names: list[str] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda _socket, name, _context: names.append(str(name))
    with serving(context) as made:
        made.page("/", "Olá")
        yield made, names


def url(site: Site, host: str) -> str:
    return f"https://{host}:{site.port}/"


def test_the_name_is_asked_for_and_verified(site: tuple[Site, list[str]], certificate: Path) -> None:
    made, names = site
    client = Client(made.network(), "AION", tls=ssl.create_default_context(cafile=str(certificate)))
    assert client.get(url(made, "sintra.test")).status == 200
    assert names == ["sintra.test"]
    assert made.asked_with[0]["host"] == f"sintra.test:{made.port}"


def test_another_name_is_not_believed(site: tuple[Site, list[str]], certificate: Path) -> None:
    made, _ = site
    client = Client(made.network(), "AION", tls=ssl.create_default_context(cafile=str(certificate)))
    with pytest.raises(Unreachable, match="certificate verify failed: Hostname mismatch"):
        client.get(url(made, "evil.test"))
    assert made.asked == []


def test_a_certificate_nobody_vouches_for_is_not_believed(site: tuple[Site, list[str]]) -> None:
    made, _ = site
    with pytest.raises(Unreachable, match=r"sintra\.test could not be asked .*certificate verify failed"):
        Client(made.network(), "AION").get(url(made, "sintra.test"))
