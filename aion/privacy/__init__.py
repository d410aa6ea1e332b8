"""Personal data in texts: found, masked, put back. Knows no store, no model and no HTTP.

`find` says where it stands, `mask` and `Masks.restore` are for what leaves the machine and comes back
(`Restorer` does it for streams), `redact` is for good. docs/privacy.md says what is not found.
"""

from aion.privacy.finding import Finding, Kind
from aion.privacy.masks import Masks, mask, redact
from aion.privacy.restorer import Restorer
from aion.privacy.scan import find

__all__ = ["Finding", "Kind", "Masks", "Restorer", "find", "mask", "redact"]
