"""``Butler.ingest`` of many small files without its path arithmetic; not public API.

``Butler.ingest(transfer=None)`` makes three URIs and two relative paths of each
file, to find in the end the very path that it was given: more than half of the
time of a batch. Here the datastore's rows are written with that path at once,
if it is one of which this must be the result. All checks of ``ingest`` are
made: conflicts within the batch and with what is there, dataset types,
formatters, and whether a sample of the files is there; that dimension records
are there, the database itself sees to.

What is not public is used here and nowhere else. `QuickIngest.can_ingest` says whether
this was written for a Butler and its files; whoever calls `ingest` is ready for any
exception, and goes the public way then.
"""

import re
from collections.abc import Mapping, Sequence
from inspect import signature
from typing import Any, Final

from lsst.daf.butler import Butler, DatasetRef, FileDataset, Formatter, FormatterV2
from lsst.daf.butler.datastore.record_data import DatastoreRecordData
from lsst.daf.butler.datastore.stored_file_info import StoredFileInfo
from lsst.daf.butler.datastores.fileDatastore import FileDatastore
from lsst.daf.butler.direct_butler import DirectButler
from lsst.daf.butler.progress import Progress
from lsst.utils.introspection import get_class_of

__all__ = ["QuickIngest"]

_PART: Final = r"(?!\.{1,2}(?:/|$))[\w.+=@,-]+"
_PLAIN_PATH: Final = re.compile(rf"{_PART}(?:/{_PART})*", re.ASCII)
"""Relative, and the same as a path and as a URI."""

_LOOKED_AT: Final = 200
"""Files of a batch, about, that must be there; ``ingest`` looks at as many."""

_KNOWN: Final[Mapping[tuple[type, str], tuple[str, ...]]] = {
    (DirectButler, "_partition_datasets_by_known"): ("self", "datasets"),
    (DirectButler, "_prepare_ingest_file_datasets"): ("self", "datasets", "progress"),
    (DirectButler, "_import_grouped_refs"): ("self", "grouped_refs", "source_butler", "progress"),
    (FileDatastore, "import_records"): ("self", "data"),
}


class QuickIngest:
    """The quick way, for the Butler that it was written for.

    Parameters
    ----------
    known
        How the calls begin that are made here, by class and name.
    """

    def __init__(self, known: Mapping[tuple[type, str], tuple[str, ...]] = _KNOWN) -> None:
        self._known = known

    def can_ingest(self, butler: Butler, files: Sequence[FileDataset]) -> bool:
        """Tell whether the Butler is one that is known here, and the files are plain ones."""
        return self._is_known(butler) and all(map(_is_plain, files))

    def ingest(self, butler: Butler, files: Sequence[FileDataset]) -> None:
        """Do what ``ingest(transfer=None, skip_existing=True, record_validation_info=False)`` does.

        Parameters
        ----------
        butler, files
            For which `can_ingest` is true; a transaction is under way.

        Raises
        ------
        Exception
            Raised, of any kind, if the files cannot be ingested, or not by this.
        """
        if not isinstance(butler, DirectButler) or not isinstance(butler._datastore, FileDatastore):
            raise TypeError(f"{butler} is not known here")
        datastore, progress = butler._datastore, Progress(__name__)
        new, _ = butler._partition_datasets_by_known(files)
        plan = butler._prepare_ingest_file_datasets(files, progress)
        # Expanded data ids serve the paths' templates and the table for ObsCore: neither is in use.
        butler._import_grouped_refs(plan.grouped_refs, None, progress, expand_refs=False)
        for file in new[:: -(-len(new) // _LOOKED_AT) or 1]:
            if not datastore.root.join(str(file.path)).exists():
                raise FileNotFoundError(f"{file.path} is not in {datastore.root}")
        _check_constraints(datastore, new)
        formatters: dict[str, str] = {}
        rows = DatastoreRecordData()
        for file in new:
            info = _info(file, formatters)
            rows.records.update({ref.id: {datastore._table.name: [info]} for ref in file.refs})
        datastore.import_records({datastore.name: rows})

    def _is_known(self, butler: Butler) -> bool:
        if type(butler) is not DirectButler or type(butler._datastore) is not FileDatastore:
            return False
        if butler.registry.obsCoreTableManager is not None:
            return False
        for (kind, name), expected in self._known.items():
            call: Any = getattr(kind, name, None)
            if call is None or tuple(signature(call).parameters)[: len(expected)] != expected:
                return False
        return True


def _is_plain(file: FileDataset) -> bool:
    return (
        isinstance(file.formatter, str)
        and isinstance(file.path, str)
        and _PLAIN_PATH.fullmatch(file.path) is not None
        and not any(ref.isComponent() for ref in file.refs)
    )


def _check_constraints(datastore: FileDatastore, files: Sequence[FileDataset]) -> None:
    """See that nothing is to be left out; constraints know dataset types and instruments alone."""
    examples: dict[object, DatasetRef] = {}
    for file in files:
        for ref in file.refs:
            examples[ref.datasetType, ref.dataId.get("instrument")] = ref
    for ref in examples.values():
        if not datastore.constraints.isAcceptable(ref):
            raise ValueError(f"the datastore does not take {ref.datasetType.name}")


def _info(file: FileDataset, formatters: dict[str, str]) -> StoredFileInfo:
    given = str(file.formatter)
    if given not in formatters:
        formatter = get_class_of(given)
        if not issubclass(formatter, Formatter | FormatterV2):
            raise TypeError(f"{given} is not a formatter")
        formatters[given] = formatter.name()
    return StoredFileInfo(
        formatter=formatters[given],
        path=str(file.path),
        storageClass=file.refs[0].datasetType.storageClass,
        component=None,
        checksum=None,
        file_size=-1,
    )
