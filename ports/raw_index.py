"""The raw microservice's memory of which raws have come."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from attrs import frozen

from ports.neighbours import NeighbourUnavailableError

__all__ = ["RawIndex", "RawIndexUnavailableError", "RawSlot"]


class RawIndexUnavailableError(NeighbourUnavailableError):
    """The index cannot be reached now."""


@frozen(order=True)
class RawSlot:
    """The place of one raw: a snap of a group, on one detector."""

    instrument: str
    group: str
    snap: int
    detector_name: str
    """Such as ``R22_S11``."""


class RawIndex(Protocol):
    """From slots to URIs; entries expire after GROUP_LIFETIME.

    Both methods raise `RawIndexUnavailableError` if the index cannot be reached.
    """

    async def put(self, found: Mapping[RawSlot, str]) -> None:
        """Note where raws are; a later URI replaces an earlier one."""
        ...

    async def find(self, slots: Sequence[RawSlot]) -> Sequence[str | None]:
        """Look slots up, in their order."""
        ...
