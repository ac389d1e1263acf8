"""What workers and the courier agree on about the outbox of alerts."""

import json
from typing import Final

from domain.visit import Identity
from domain.work.attempts import Attempt

__all__ = ["FOLDER", "owner_from_text", "owner_to_text"]

FOLDER: Final = ".alert-outbox"
"""Below the root of the central datastore."""


def owner_to_text(attempt: Attempt) -> str:
    """Write whose alerts a file holds."""
    identity = attempt.identity
    return json.dumps([identity.instrument, identity.group, identity.detector, attempt.number])


def owner_from_text(text: str) -> Attempt:
    """Read whose alerts a file holds.

    Raises
    ------
    TypeError, ValueError
        Raised if the text does not say it.
    """
    instrument, group, detector, number = json.loads(text)
    return Attempt(Identity(str(instrument), str(group), int(detector)), int(number))
