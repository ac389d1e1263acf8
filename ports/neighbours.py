"""What all neighbours have in common: they go away, and come back."""

import enum
from typing import Protocol

from domain.errors import PromptProcessingError

__all__ = ["Neighbour", "NeighbourUnavailableError", "Probe"]


class NeighbourUnavailableError(PromptProcessingError):
    """A neighbour cannot be reached now; the same call may succeed later.

    The errors of the ports that say so of their own neighbour derive from it.
    """


class Neighbour(enum.StrEnum):
    """Those without whom no visit-detector is processed, as logs and outcomes name them."""

    APDB = "APDB"
    BUCKET = "image bucket"
    DATASTORE = "central datastore"
    LEDGER = "ledger"
    REPOSITORY = "central repository"


class Probe(Protocol):
    """Asks a neighbour something that has nothing to do with any visit."""

    async def check(self) -> None:
        """See whether the neighbour answers.

        Raises
        ------
        NeighbourUnavailableError
            Raised if it does not.
        """
        ...
