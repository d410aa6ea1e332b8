"""The texts of one exported row without personal data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from aion.events.export_form import Masked
from aion.privacy import Finding, Masks, mask

_REMEMBERED = 4096  # a passage comes back in many answers, and to look through one takes milliseconds


def mask_row(texts: Sequence[str]) -> Masked:
    """What is the same in two texts of a row gets the same placeholder; another row counts anew."""
    masks = _CountingMasks()
    masked = [text if _is_plain(text) else mask(text, masks) for text in texts]
    if masks.people():  # a name that one text gives away may stand in all of them
        masks.found.clear()
        masked = [mask(text, masks) for text in texts]
    return Masked(tuple(masked), dict(masks.found))


class _CountingMasks(Masks):
    """Masks that know how often which kind was found."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()

    def placeholder_of(self, finding: Finding, written: str) -> str:
        self.found[finding.kind.value] += 1
        return super().placeholder_of(finding, written)


@lru_cache(_REMEMBERED)
def _is_plain(text: str) -> bool:
    """Whether nothing in it is masked, as long as no name is known from elsewhere."""
    return mask(text) == text
