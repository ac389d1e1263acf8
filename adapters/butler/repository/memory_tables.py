"""The tables that a datastore keeps its facts in, as dictionaries.

A datastore without a registry keeps the facts of a few dozen datasets for the
minute of a visit; a database takes longer for each than the file itself.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Self, override
from uuid import UUID

from lsst.daf.butler import DimensionUniverse
from lsst.daf.butler.datastore import DatastoreTransaction
from lsst.daf.butler.ddl import TableSpec
from lsst.daf.butler.registry.bridge.ephemeral import EphemeralDatastoreRegistryBridge
from lsst.daf.butler.registry.interfaces import (
    Database,
    DatasetIdRef,
    DatasetRecordStorageManager,
    DatastoreRegistryBridge,
    DatastoreRegistryBridgeManager,
    OpaqueTableStorage,
    OpaqueTableStorageManager,
    StaticTablesContext,
    VersionTuple,
)

__all__ = ["MemoryBridges", "MemoryTables"]

type _Row = dict[str, Any]


class _MemoryTable(OpaqueTableStorage):
    """One table, its rows by the dataset that they are about."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._rows: dict[UUID, list[_Row]] = defaultdict(list)

    @override
    def insert(self, *data: _Row, transaction: DatastoreTransaction | None = None) -> None:
        """Add rows; a dataset may have several, for its components."""
        for row in data:
            members = self._rows[row["dataset_id"]]
            if any(member["component"] == row["component"] for member in members):
                raise RuntimeError(f"{self.name}: dataset {row['dataset_id']} is there already")
            members.append(row)
            if transaction is not None:
                transaction.registerUndo("insert", members.remove, row)

    @override
    def ensure(self, *data: _Row, transaction: DatastoreTransaction | None = None) -> None:
        """Add rows that are not there."""
        self.insert(*(row for row in data if not self._same(row)), transaction=transaction)

    @override
    def replace(self, *data: _Row, transaction: DatastoreTransaction | None = None) -> None:
        """Put rows in the place of those that are there."""
        for row in data:
            for old in self._same(row):
                self._rows[row["dataset_id"]].remove(old)
        self.insert(*data, transaction=transaction)

    def _same(self, row: _Row) -> list[_Row]:
        members = self._rows.get(row["dataset_id"], [])
        return [member for member in members if member["component"] == row["component"]]

    @override
    def fetch(self, **where: Any) -> Iterator[_Row]:
        """Find rows; a collection as value means any of its members."""
        asked = where.pop("dataset_id", None)
        if asked is None:
            groups: Iterable[Sequence[_Row]] = list(self._rows.values())
        else:
            numbers = asked if isinstance(asked, list | tuple | set) else (asked,)
            groups = [self._rows.get(number, []) for number in numbers]
        for rows in groups:
            yield from [row for row in rows if all(_fits(row[name], value) for name, value in where.items())]

    @override
    def fetch_batches(self, **where: Any) -> Iterator[Sequence[_Row]]:
        """Find rows, all at once."""
        yield list(self.fetch(**where))

    @override
    def delete(self, columns: Iterable[str], *rows: _Row) -> None:
        """Remove the rows that agree with these in the columns."""
        names = list(columns)
        for wanted in rows:
            for row in list(self.fetch(**{name: wanted[name] for name in names})):
                self._rows[row["dataset_id"]].remove(row)


def _fits(value: object, wanted: object) -> bool:
    if isinstance(wanted, Collection) and not isinstance(wanted, str):
        return value in wanted
    if isinstance(wanted, str) and wanted.endswith("%"):
        return str(value).startswith(wanted[:-1])
    return value == wanted


class MemoryTables(OpaqueTableStorageManager):
    """Tables by their names."""

    def __init__(self, registry_schema_version: VersionTuple | None = None) -> None:
        super().__init__(registry_schema_version=registry_schema_version)
        self._tables: dict[str, _MemoryTable] = {}

    @override
    @classmethod
    def initialize(
        cls, db: Database, context: StaticTablesContext, registry_schema_version: VersionTuple | None = None
    ) -> Self:
        """Make an empty one; there is no database."""
        del db, context
        return cls(registry_schema_version)

    @override
    def clone(self, db: Database) -> Self:
        """Return itself; there is no database."""
        del db
        return self

    @override
    def get(self, name: str) -> OpaqueTableStorage | None:
        """Find a table."""
        return self._tables.get(name)

    @override
    def register(self, name: str, spec: TableSpec) -> OpaqueTableStorage:
        """Find or make a table."""
        del spec
        return self._tables.setdefault(name, _MemoryTable(name))

    @override
    @classmethod
    def currentVersions(cls) -> list[VersionTuple]:
        """List the versions of the schema; there is none."""
        return []


class MemoryBridges(DatastoreRegistryBridgeManager):
    """What stands between datastores and the registry that is not there."""

    def __init__(self, universe: DimensionUniverse) -> None:
        super().__init__(opaque=MemoryTables(), universe=universe)
        self._bridges: dict[str, EphemeralDatastoreRegistryBridge] = {}

    @override
    @classmethod
    def initialize(
        cls,
        db: Database,
        context: StaticTablesContext,
        *,
        opaque: OpaqueTableStorageManager,
        datasets: type[DatasetRecordStorageManager],
        universe: DimensionUniverse,
        registry_schema_version: VersionTuple | None = None,
    ) -> Self:
        """Make an empty one; there is no database."""
        del db, context, opaque, datasets, registry_schema_version
        return cls(universe)

    @override
    def clone(self, *, db: Database, opaque: OpaqueTableStorageManager) -> Self:
        """Return itself; there is no database."""
        del db, opaque
        return self

    @override
    def refresh(self) -> None:
        """Do nothing: nobody else writes here."""

    @override
    def register(self, name: str, *, ephemeral: bool = True) -> DatastoreRegistryBridge:
        """Find or make the bridge of a datastore."""
        del ephemeral
        return self._bridges.setdefault(name, EphemeralDatastoreRegistryBridge(name))

    @override
    def findDatastores(self, ref: DatasetIdRef) -> Iterable[str]:
        """Name the datastores that know a dataset."""
        return [name for name, bridge in self._bridges.items() if ref in bridge]

    @override
    @classmethod
    def currentVersions(cls) -> list[VersionTuple]:
        """List the versions of the schema; there is none."""
        return []
