from __future__ import annotations

import pytest

from aion.errors import SettingsError
from aion.remote.address import read_address


@pytest.mark.parametrize(
    ("url", "root", "api"),
    [
        ("http://gpu:8008", "http://gpu:8008", "http://gpu:8008/v1"),
        (" http://gpu:8008/ ", "http://gpu:8008", "http://gpu:8008/v1"),
        ("https://gpu/v1/", "https://gpu", "https://gpu/v1"),
        ("https://gpu/llm", "https://gpu/llm", "https://gpu/llm/v1"),
        ("https://gpu/llm/v1", "https://gpu/llm", "https://gpu/llm/v1"),
        ("https://g.example/v1beta/openai", "https://g.example", "https://g.example/v1beta/openai"),
        ("https://gpu/venue", "https://gpu/venue", "https://gpu/venue/v1"),
        ("http://[::1]:8008", "http://[::1]:8008", "http://[::1]:8008/v1"),
    ],
)
def test_an_address_may_name_the_version_or_not(url: str, root: str, api: str) -> None:
    address = read_address(url, "AION_LOCAL_LLM_URL")
    assert (address.root, address.api) == (root, api)


@pytest.mark.parametrize(
    "url", ["", "gpu", "//gpu", "file:///etc", "http://", "http://gpu:99999", "http://[::1"]
)
def test_what_is_no_address_is_said_so(url: str) -> None:
    with pytest.raises(SettingsError, match=r"AION_LOCAL_LLM_URL=.* cannot be used"):
        read_address(url, "AION_LOCAL_LLM_URL")


@pytest.mark.parametrize(
    ("url", "is_open"),
    [
        ("http://api.example.com", True),
        ("http://8.8.8.8", True),
        ("https://api.example.com", False),
        ("http://localhost:1", False),
        ("http://127.0.0.1:1", False),
        ("http://192.168.1.7", False),
        ("http://gpu", False),
        ("http://gpu.lan", False),
    ],
)
def test_an_open_address_is_one_that_others_can_listen_to(url: str, is_open: bool) -> None:
    assert read_address(url, "X").is_open is is_open
