"""What is known to be stored in the central registry, so that it is not sent again."""

from collections.abc import Iterable, Sequence

from lsst.daf.butler import DimensionRecord

__all__ = ["StoredRecords"]

type _Name = tuple[str, tuple[str | int, ...]]


class StoredRecords:
    """Dimension records that were inserted, by element and required values.

    Nobody removes dimension records at night; whoever finds that somebody did
    forgets all that is known here.

    Parameters
    ----------
    limit
        Records that are remembered; the oldest are forgotten.
    """

    def __init__(self, limit: int = 100_000) -> None:
        self._limit = limit
        self._stored: dict[_Name, None] = {}

    def missing(self, records: Iterable[DimensionRecord]) -> list[DimensionRecord]:
        """Leave out what is stored."""
        return [record for record in records if _name(record) not in self._stored]

    def add(self, records: Sequence[DimensionRecord]) -> None:
        """Remember records whose transaction is committed."""
        self._stored.update(dict.fromkeys(map(_name, records)))
        while len(self._stored) > self._limit:
            del self._stored[next(iter(self._stored))]

    def forget(self) -> None:
        """Know nothing any more."""
        self._stored.clear()


def _name(record: DimensionRecord) -> _Name:
    return record.definition.name, record.dataId.required_values
