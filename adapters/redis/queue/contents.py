"""What is compared to tell a changed visit from a repeated one."""

import hashlib
import json
from typing import Final

from adapters.redis.queue.fanned_out_visit import visit_to_fields
from domain.visit import Visit

__all__ = ["digest"]

_SENT: Final = "private_sndStamp"


def digest(visit: Visit) -> str:
    """Summarise the contents of a visit, when it was sent left out."""
    contents = visit_to_fields(visit)
    del contents[_SENT]
    return hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()[:32]
