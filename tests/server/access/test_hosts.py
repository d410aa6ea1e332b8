"""DNS rebinding: a name that a stranger can point at this machine opens nothing."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion.server.access.browser.hosts import host_name, is_own, refused
from tests.server.guarded import Guarded
from tests.server.live import DEADLINE_S, Live
from tests.server.test_failures import error_of

OWN = (
    "127.0.0.1", "127.0.0.1:8008", "192.168.1.20:8008", "[::1]:8008", "[fe80::1%eth0]", "localhost",
    "LOCALHOST.:8008", "aion.localhost", socket.gethostname(),
    f"{socket.gethostname().partition('.')[0]}.local",
)  # fmt: skip
STRANGE = (
    "evil.example", "evil.example:8008", "localhost.evil.example", "127.0.0.1.evil.example", "evillocalhost",
    "127.0.0.1.nip.io:8008", "aion",
)  # fmt: skip
MALFORMED = (
    "", ":8008", "[::1", "[evil.example]", "127.0.0.1:99999", "127.0.0.1:", "maria@127.0.0.1", "a b",
    "evil.example/127.0.0.1", "127.0.0.1,evil.example", ".", "é.pt",
)  # fmt: skip


@pytest.mark.parametrize("host", OWN)
def test_addresses_and_this_machines_names_pass(sintra: Live, host: str) -> None:
    assert sintra.http.get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", STRANGE)
@pytest.mark.parametrize("path", ["/", "/health", "/api/documents", "/panel/ask.js"])
def test_a_rebound_name_reads_nothing(sintra: Live, host: str, path: str) -> None:
    error = error_of(sintra.http.get(path, headers={"Host": host}), 421)
    assert host.partition(":")[0] in str(error["message"])
    assert "AION_ALLOWED_HOSTS" in str(error["message"])
    assert error["param"] == "Host"


def test_a_rebound_page_is_no_page_of_aion(sintra: Live) -> None:
    """Its browser says same-origin, and is right."""
    headers = {"Host": "evil.example", "Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"}
    for path, body in (("/generate", {"prompt": "Olá"}), ("/api/session", {"key": "x"})):
        error_of(sintra.http.post(path, json=body, headers=headers), 421)


@pytest.mark.parametrize("host", MALFORMED)
def test_what_is_no_host_is_a_bad_request(sintra: Live, host: str) -> None:
    assert " 400 " in _status_line(sintra, f"Host: {host}\r\n")


def test_a_host_is_sent_once(sintra: Live) -> None:
    assert " 400 " in _status_line(sintra, "")
    assert " 400 " in _status_line(sintra, "Host: 127.0.0.1\r\nHost: evil.example\r\n")
    assert " 200 " in _status_line(sintra, "Host: 127.0.0.1\r\n")


def test_names_of_the_settings_pass(guard: Guarded) -> None:
    for host in ("aion.empresa.pt", "AION.empresa.pt:443", "painel.sintra.pt", "a.b.sintra.pt"):
        assert guard.http.get("/health", headers={"Host": host}).status_code == 200
    for host in ("empresa.pt", "x.aion.empresa.pt", "sintra.pt", "evilsintra.pt", ".sintra.pt"):
        assert guard.http.get("/health", headers={"Host": host}).status_code == 421


def test_a_star_lets_every_name_pass() -> None:
    assert refused(["evil.example"], " * ") is None
    assert refused(["evil.example"], "*.example") is None
    assert refused([], "*") is not None


def test_a_name_is_taken_apart() -> None:
    assert host_name("Aion.Empresa.PT.:8008") == "aion.empresa.pt"
    assert host_name("[FE80::1]:80") == "fe80::1"
    assert not is_own("", "")


@given(st.text(), st.sampled_from(["", ":80", ".", ".:8008"]))
def test_nothing_before_a_strangers_name_makes_it_ours(before: str, after: str) -> None:
    name = host_name(f"{before}.evil.example{after}")
    assert name is None or not is_own(name, "aion.empresa.pt,*.sintra.pt")


def _status_line(server: Live, host: str) -> str:
    with socket.create_connection(server.address, timeout=DEADLINE_S) as sock:
        sock.sendall(f"GET /health HTTP/1.1\r\n{host}Connection: close\r\n\r\n".encode())
        return sock.makefile("rb").readline().decode()
