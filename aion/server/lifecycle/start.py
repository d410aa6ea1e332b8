"""How far the start is: what is being loaded, and whether it failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Stage = Literal["program", "model", "conversion", "documents", "first_token"]


@dataclass(slots=True)
class Start:
    """Written by the thread that loads, read by any. `what`, `done` and `total` are of a conversion and 0 of
    anything else; `failure` is the sentence that ends it."""

    stage: Stage = "program"
    what: str = ""
    done: int = 0
    total: int = 0
    failure: str = ""

    def enter(self, stage: Stage) -> None:
        """Begin with the next thing."""
        self.what, self.done, self.total = "", 0, 0
        self.stage = stage

    def converting(self, what: str, done: int, total: int) -> None:
        """`done` of `total` tensors, `what` the latest."""
        self.stage = "conversion"
        self.what, self.done, self.total = what, done, total

    def as_json(self) -> dict[str, object]:
        """As /health has it."""
        progress = {"what": self.what, "done": self.done, "total": self.total} if self.total else None
        return {"stage": self.stage, "progress": progress, "failure": self.failure}
