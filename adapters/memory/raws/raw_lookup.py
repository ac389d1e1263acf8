"""The raw microservice without a wire."""

from ports.raw_arrivals import RawLookupUnavailableError
from ports.raw_index import RawIndex, RawIndexUnavailableError, RawSlot

__all__ = ["MemoryRawLookup"]


class MemoryRawLookup:
    """Answers from an index directly.

    `outage` is for tests: while it is not blank, the microservice is out of
    reach for that reason.

    Parameters
    ----------
    index
        What the microservice knows.
    """

    def __init__(self, index: RawIndex) -> None:
        self.outage = ""
        self._index = index

    async def find(self, instrument: str, group: str, snap: int, detector_name: str) -> str | None:
        """See `ports.raw_arrivals.RawLookup.find`."""
        if self.outage:
            raise RawLookupUnavailableError(f"raw microservice: {self.outage}")
        try:
            [uri] = await self._index.find([RawSlot(instrument, group, snap, detector_name)])
        except RawIndexUnavailableError as error:
            raise RawLookupUnavailableError(f"raw microservice: {error}") from error
        return uri
