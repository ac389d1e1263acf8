"""Answer where a raw is from an index within reach, without a microservice between."""

from ports.raw_arrivals import RawLookupUnavailableError
from ports.raw_index import RawIndex, RawIndexUnavailableError, RawSlot

__all__ = ["IndexLookup"]


class IndexLookup:
    """`ports.raw_arrivals.RawLookup` over an index.

    Parameters
    ----------
    index
        What is known.
    """

    def __init__(self, index: RawIndex) -> None:
        self._index = index

    async def find(self, instrument: str, group: str, snap: int, detector_name: str) -> str | None:
        """Look one raw up; None if it has not come."""
        try:
            [uri] = await self._index.find([RawSlot(instrument, group, snap, detector_name)])
        except RawIndexUnavailableError as error:
            raise RawLookupUnavailableError(str(error)) from error
        return uri
