"""All objects created in the image bucket, for a service that must miss none."""

from collections.abc import Sequence
from typing import Protocol

from domain.raws.stored_object import StoredObject
from ports.neighbours import NeighbourUnavailableError

__all__ = ["ObjectFeed", "ObjectFeedUnavailableError"]


class ObjectFeedUnavailableError(NeighbourUnavailableError):
    """The notifications cannot be reached now."""


class ObjectFeed(Protocol):
    """Notifications of every creation, at least once, in any order.

    What was not settled before a restart comes again.
    """

    async def batch(self) -> Sequence[StoredObject]:
        """Wait for creations: as many as are there, at least one.

        Raises
        ------
        ObjectFeedUnavailableError
            Raised if the topic cannot be reached or does not exist.
        """
        ...

    async def settle(self) -> None:
        """Never deliver what was handed out so far again."""
        ...

    async def close(self) -> None:
        """Leave the topic."""
        ...
