from __future__ import annotations

import gc
import weakref

from aion.server.lifecycle.still_heap import still_heap


class Thing:
    """Something that can be watched."""

    def __init__(self) -> None:
        self.itself = self


def test_what_was_there_is_not_looked_at_until_the_end() -> None:
    with still_heap():
        assert gc.get_freeze_count() > 1000
    assert gc.get_freeze_count() == 0


def test_new_rings_are_still_collected() -> None:
    with still_heap():
        watched = weakref.ref(Thing())
        gc.collect()
        assert watched() is None


def test_what_nothing_refers_to_goes_at_once() -> None:
    old = Thing()
    watched = weakref.ref(old)
    with still_heap():
        del old.itself, old
        assert watched() is None
