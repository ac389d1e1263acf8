"""What is compared to tell a changed visit from a repeated one."""

import hashlib
import json
from typing import Final

from adapters.redis.fanned_out_visit import to_fields
from domain.visit import Visit, VisitDetector

__all__ = ["digest", "shared_fields"]

_SENT: Final = "private_sndStamp"
_DETECTOR: Final = "detector"


def shared_fields(visit: Visit) -> dict[str, str]:
    """Write what all copies of a visit have in common."""
    fields = to_fields(VisitDetector(visit, 0))
    del fields[_DETECTOR]
    return fields


def digest(visit: Visit) -> str:
    """Summarise the contents of a visit, when it was sent left out."""
    contents = shared_fields(visit)
    del contents[_SENT]
    return hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()[:32]
