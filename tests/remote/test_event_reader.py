from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aion.remote.event_reader import EventReader, LineTooLong


def read(*received: bytes, max_bytes: int = 1000) -> list[str]:
    reader = EventReader(max_bytes)
    return [data for each in received for data in reader.push(each)] + reader.finish()


@pytest.mark.parametrize(
    ("received", "data"),
    [
        (b"data: a\n\ndata: b\n\n", ["a", "b"]),
        (b"data: a\r\n\r\ndata:b\r\n\r\n", ["a", "b"]),
        (b": ping\n\n: ping\n\ndata: a\n\n", ["a"]),
        (b"event: x\nid: 3\ndata: a\ndata: b\n\n", ["a\nb"]),
        (b"data: [DONE]", ["[DONE]"]),
        (b"data\n\n", [""]),
        (b"\n\n\n", []),
        (b"", []),
        ("data: ação €\n\n".encode(), ["ação €"]),
        (b"data: \xff\n\n", ["�"]),
    ],
)
def test_events_are_read_as_they_are_defined(received: bytes, data: list[str]) -> None:
    assert read(received) == data


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n")), max_size=8), st.data())
def test_how_the_bytes_are_cut_changes_nothing(texts: list[str], draw: st.DataObject) -> None:
    whole = "".join(f"data: {text}\n\n" for text in texts).encode()
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(whole)), max_size=10)))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert read(*pieces) == texts


@pytest.mark.parametrize("received", [[b"x" * 600, b"x" * 600], [b"data: " + b"x" * 400 + b"\n"] * 3])
def test_what_has_no_end_is_given_up(received: list[bytes]) -> None:
    with pytest.raises(LineTooLong):
        read(*received)
