"""Datastores without a registry, and files that go behind the registry's back.

This is the one module that uses what the Butler keeps for Rubin's own services.
"""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from attrs import frozen
from lsst.daf.butler import Butler, ButlerConfig, DatasetRef, DimensionUniverse, FileDataset
from lsst.daf.butler._rubin.file_datasets import transfer_datasets_to_datastore
from lsst.daf.butler.datastore import Datastore
from lsst.daf.butler.datastore.record_data import DatastoreRecordData
from lsst.daf.butler.datastore.stored_file_info import StoredDatastoreItemInfo, StoredFileInfo
from lsst.resources import ResourcePath

from adapters.butler.repository.memory_tables import MemoryBridges

__all__ = ["LoneDatastore", "StoredFile", "copy_datasets", "stored_files"]


def copy_datasets(source: Butler, target: ButlerConfig, refs: Sequence[DatasetRef]) -> Sequence[FileDataset]:
    """Copy datasets from a repository to another's datastore.

    Returns
    -------
    files
        Paths are relative to the target's datastore.
    """
    return transfer_datasets_to_datastore(source, target, refs)


@frozen(kw_only=True)
class StoredFile:
    """One file of a dataset, as a datastore knows it."""

    uri: ResourcePath
    table: str
    """The datastore's table of such facts."""
    info: StoredFileInfo


def stored_files(butler: Butler, refs: Iterable[DatasetRef]) -> dict[UUID, list[StoredFile]]:
    """Find the files of datasets in a repository; datasets without any are left out."""
    datastore = butler._datastore
    files: dict[UUID, list[StoredFile]] = {}
    for name, data in datastore.export_records(refs).items():
        root = datastore.roots[name]
        for number, tables in data.records.items():
            for table, infos in tables.items():
                for info in infos:
                    if isinstance(info, StoredFileInfo):
                        uri = ResourcePath(info.path, root=root, forceAbsolute=True, forceDirectory=False)
                        files.setdefault(number, []).append(StoredFile(uri=uri, table=table, info=info))
    return files


class LoneDatastore:
    """A datastore with its facts in memory.

    Parameters
    ----------
    config
        Of the repository that it is the datastore of.
    universe
        The repository's dimensions.
    """

    def __init__(self, config: ButlerConfig, universe: DimensionUniverse) -> None:
        root = config.get("root", config.configDir)
        self.datastore: Datastore = Datastore.fromConfig(config, MemoryBridges(universe), root)
        # Datasets are where they are expected, also those that an earlier process wrote.
        self.datastore._set_trust_mode(True)

    def know(self, files: Mapping[UUID, Sequence[StoredFile]]) -> None:
        """Take files elsewhere for datasets of one's own."""
        records: dict[UUID, dict[str, list[StoredDatastoreItemInfo]]] = {
            number: {file.table: [each.info for each in members] for file in members}
            for number, members in files.items()
        }
        (name,) = self.datastore.names
        self.datastore.import_records({name: DatastoreRecordData(records=records)})

    def expect(self, refs: Iterable[DatasetRef]) -> None:
        """Take the files at datasets' own places for theirs."""
        self.datastore.import_records(self.datastore.export_predicted_records(refs))
