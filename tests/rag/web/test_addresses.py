from __future__ import annotations

import ipaddress
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion.errors import DocumentError
from aion.rag.web.addresses import GuardedNetwork, is_public
from aion.rag.web.client import Client, Limits, Unreachable
from tests.rag.web.site import Site

NOT_PUBLIC = (
    "127.0.0.1 127.8.9.1 0.0.0.0 0.1.2.3 10.1.2.3 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1 "
    "169.254.169.254 192.0.0.8 192.0.2.1 192.88.99.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 "
    "239.255.255.250 240.0.0.1 255.255.255.255 :: ::1 ::7f00:1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 "
    "64:ff9b::7f00:1 64:ff9b::808:808 64:ff9b:1::1 100::1 2001::1 2001:db8::1 2002:7f00:1:: "
    "2002:808:808:: 3fff::1 5f00::1 fc00::1 fd12::1 fe80::1 fe80::1%eth0 2606:4700::1%eth0 fec0::1 "
    "ff02::1 ff0e::1 nonsense 1.2.3 "
)


@pytest.mark.parametrize("address", NOT_PUBLIC.split())
def test_what_is_not_public_is_never_connected_to(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "193.137.28.1", "2606:4700::1111", "2a00:1450:4003::1"])
def test_public_addresses_are(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_in_another_form_is_refused(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    for prefix, shift in (("::ffff:0:0", 0), ("64:ff9b::", 0), ("2002::", 80), ("::", 0)):
        assert not is_public(str(ipaddress.IPv6Address(int(ipaddress.IPv6Address(prefix)) | number << shift)))


def test_an_address_is_checked_where_it_is_connected_to(site: Site) -> None:
    """A resolver that answers otherwise the second time changes nothing: it is asked once a connection."""
    answers = [["93.184.216.34"], ["127.0.0.1"]]
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return answers[min(len(asked), 2) - 1]

    site.page("/", "Segredo")
    network = GuardedNetwork(rebinding)
    rebinding("sintra.test", 80)  # whoever checked before saw a public address
    with pytest.raises(DocumentError, match=r"sintra\.test is at 127.0.0.1, which is not public"):
        Client(network, "AION").get(site.url())
    assert asked == ["sintra.test", "sintra.test"]
    assert site.asked == []


def test_of_several_addresses_only_public_ones_are_tried(site: Site) -> None:
    site.page("/", "Olá")
    network = site.network({"sintra.test": ["10.0.0.1", "::1", "127.0.0.1"]})
    assert Client(network, "AION").get(site.url()).status == 200


def test_the_allowance_is_for_one_port(site: Site) -> None:
    with pytest.raises(DocumentError, match="not public"):
        Client(site.network(), "AION").get(f"http://sintra.test:{site.port + 1}/")


def test_proxies_of_the_environment_are_not_asked(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/")
    site.page("/", "Olá")
    assert Client(site.network(), "AION").get(site.url()).status == 200


def test_a_name_nobody_knows_is_told() -> None:
    def unknown(_host: str, _port: int) -> list[str]:
        raise OSError("Name or service not known")

    with pytest.raises(Unreachable, match=r"nowhere\.test could not be asked .*Name or service not known"):
        Client(GuardedNetwork(unknown), "AION").get("https://nowhere.test/")


def test_a_name_that_is_not_looked_up_in_time_is_told() -> None:
    released = threading.Event()

    def silent(_host: str, _port: int) -> list[str]:
        released.wait(10)
        return ["93.184.216.34"]

    try:
        with pytest.raises(Unreachable, match=r"slow\.test did not answer in time \(0\.1 s to connect"):
            Client(GuardedNetwork(silent), "AION", Limits(connect_s=0.1)).get("https://slow.test/")
    finally:
        released.set()
