"""Dimension records kept in memory, and attached to data ids without asking the registry."""

from collections.abc import Iterable, Sequence

from lsst.daf.butler import (
    DataCoordinate,
    DatasetRef,
    DimensionDataAttacher,
    DimensionGroup,
    DimensionRecord,
    DimensionRecordSet,
    DimensionUniverse,
)

from adapters.butler.shared.central_repository import CentralRepositories

__all__ = ["CentralRecords", "KnownRecords"]

_OF_INSTRUMENT = ("instrument", "detector", "physical_filter", "visit_system")
_OF_ALL = ("band", "skymap")


class KnownRecords:
    """Records by element.

    Parameters
    ----------
    base
        Records that these are added to; not changed.
    """

    def __init__(self, base: "KnownRecords | None" = None) -> None:
        self._sets: dict[str, DimensionRecordSet] = {} if base is None else dict(base._sets)
        self._own: set[str] = set()

    def add(self, records: Iterable[DimensionRecord]) -> None:
        """Add records."""
        for record in records:
            self._set(record.definition.name, record.definition.universe).add(record)

    def _set(self, element: str, universe: DimensionUniverse) -> DimensionRecordSet:
        """Find a set that may be changed here."""
        if element not in self._own:
            before = self._sets.get(element, ())
            self._sets[element] = DimensionRecordSet(element, before, universe=universe)
            self._own.add(element)
        return self._sets[element]

    def of(self, element: str) -> list[DimensionRecord]:
        """List the records of an element."""
        return list(self._sets.get(element, ()))

    def find(self, element: str, *values: str | int) -> DimensionRecord | None:
        """Find a record by the values of its required dimensions, in their order."""
        for record in self._sets.get(element, ()):
            if record.dataId.required_values == values:
                return record
        return None

    def attacher(self, dimensions: DimensionGroup) -> DimensionDataAttacher:
        """Make what graphs carry along: all records that their data ids may need."""
        return DimensionDataAttacher(records=self._sets.values(), dimensions=dimensions)

    def expand(self, dimensions: DimensionGroup, data_ids: Sequence[DataCoordinate]) -> list[DataCoordinate]:
        """Attach records to data ids of these dimensions.

        Raises
        ------
        LookupError
            Raised if a record is not known.
        """
        return self.attacher(dimensions).attach(dimensions, data_ids)

    def expand_refs(self, refs: Sequence[DatasetRef]) -> list[DatasetRef]:
        """Attach records to references of one dataset type."""
        if not refs:
            return []
        data_ids = self.expand(refs[0].dimensions, [ref.dataId for ref in refs])
        return [ref.expanded(data_id) for ref, data_id in zip(refs, data_ids, strict=True)]


class CentralRecords(KnownRecords):
    """What the central registry says of an instrument, read once, and of the sky, as it is asked for.

    Parameters
    ----------
    shared
        The central repositories.
    instrument
        The instrument.
    """

    def __init__(self, shared: CentralRepositories, instrument: str) -> None:
        super().__init__()
        self._shared = shared
        self._instrument = instrument
        self._read = False

    def ensure(self) -> "CentralRecords":
        """Read what is always needed, the first time."""
        if not self._read:
            butler = self._shared.reader
            for element in _OF_ALL:
                self.add(butler.query_dimension_records(element, explain=False, limit=None))
            for element in _OF_INSTRUMENT:
                records = butler.query_dimension_records(
                    element, instrument=self._instrument, explain=False, limit=None
                )
                self.add(records)
            self._read = True
        return self
