"""The raw microservice without a wire."""

from typing import override

from application.raw_lookup import IndexLookup
from ports.raw_arrivals import RawLookupUnavailableError
from ports.raw_index import RawIndex

__all__ = ["MemoryRawLookup"]


class MemoryRawLookup(IndexLookup):
    """Answers from an index directly.

    `outage` is for tests: while it is not blank, the microservice is out of
    reach for that reason.

    Parameters
    ----------
    index
        What the microservice knows.
    """

    def __init__(self, index: RawIndex) -> None:
        super().__init__(index)
        self.outage = ""

    @override
    async def find(self, instrument: str, group: str, snap: int, detector_name: str) -> str | None:
        """See `ports.raw_arrivals.RawLookup.find`."""
        if self.outage:
            raise RawLookupUnavailableError(f"raw microservice: {self.outage}")
        return await super().find(instrument, group, snap, detector_name)
