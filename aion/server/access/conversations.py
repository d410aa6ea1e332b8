"""Which conversation a request may go on with, as its identity goes. Looks nothing up."""

from __future__ import annotations

import re

from aion.errors import InvalidRequest
from aion.server.access.identity import ANONYMOUS, Identity

_GIVEN = re.compile(r"c-[0-9a-f]{32}")  # as aion.answer.router makes them


def conversation_of(identity: Identity, named: str | None, param: str) -> str | None:
    """The conversation named in `param`; None for a new one.

    All strangers are one to the log, so an id must be what nobody guesses: raises InvalidRequest for one that
    a stranger made up.
    """
    if named and identity.asker == ANONYMOUS and not _GIVEN.fullmatch(named):
        raise InvalidRequest(
            f"{param} is {named[:80]!r}; without a key, leave it out of the first question and send the one "
            "that came with the answer.",
            param=param,
        )
    return named or None
