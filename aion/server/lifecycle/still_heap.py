"""Keeps Python's garbage collector away from what was loaded for good.

A full collection looks at every object there is, 140,000 after a start, most of them of libraries: 40 ms in
which no request is answered and no token sent, every few thousand requests.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def still_heap() -> Iterator[None]:
    """Objects that exist now are not looked at until the block ends; they still go when nothing refers to
    them."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
