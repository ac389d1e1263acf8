"""Batches of outputs, registered by whichever way is quickest and proves right."""

import logging
from collections.abc import Sequence

from lsst.daf.butler import Butler
from lsst.daf.butler.registry import OrphanedRecordError

from adapters.butler.shared.database_errors import blames_repository
from adapters.butler.shared.messages import Outputs
from adapters.butler.shared.records import insert_records
from adapters.butler.shared.registration import (
    files_of,
    ingest_files,
    is_raw_in_place,
    records_of,
    register_in_transaction,
    types_of,
)
from adapters.butler.writer.stored_records import StoredRecords

try:
    from adapters.butler.writer.quick_ingest import QuickIngest
except ImportError:
    QuickIngest = None  # type: ignore[assignment, misc]  # a release of the Butler without what it needs

__all__ = ["Registrar", "quick_ingest"]

_LOG = logging.getLogger(__name__)


def quick_ingest() -> "QuickIngest | None":
    """Make the quick way; None if this release of the Butler has not what it needs."""
    return None if QuickIngest is None else QuickIngest()


class Registrar:
    """Registers batches one after the other.

    The quick way leaves out dimension records that are stored already, and uses
    `QuickIngest`. The public way has the last word: what the quick way fails
    with is tried again by it.

    Parameters
    ----------
    quick
        None: the public way only.
    new_types
        Dataset types that were registered for messages of which none is applied yet; changed here.
    """

    def __init__(self, quick: "QuickIngest | None", new_types: set[str] | None = None) -> None:
        self._quick = quick
        self._new_types = set() if new_types is None else new_types
        self._stored = StoredRecords()

    def register(self, butler: Butler, batch: Sequence[Outputs]) -> None:
        """Insert a batch, all of it or nothing, skipping what is there.

        Raises
        ------
        Exception
            Raised as by `register_outputs`.
        """
        names = {dataset_type.name for dataset_type in types_of(batch)}
        try:
            # No transaction may hold it.
            for dataset_type in types_of(batch):
                if butler.registry.registerDatasetType(dataset_type):
                    self._new_types.add(dataset_type.name)
            self._register(butler, batch)
        except Exception:
            if len(batch) == 1:
                self._remove_types(butler, self._new_types & names)
            raise
        self._new_types -= names

    def _register(self, butler: Butler, batch: Sequence[Outputs]) -> None:
        failure = None if self._quick is None else self._try_quickly(self._quick, butler, batch)
        if self._quick is None or failure is not None:
            register_in_transaction(butler, batch)
        if failure is not None:
            _LOG.warning("fast ingest disabled: it failed where the public API succeeded: %r", failure)
            self._quick = None

    def _remove_types(self, butler: Butler, names: set[str]) -> None:
        """Undo what a message did that is not applied; what another has used meanwhile stays."""
        for name in names:
            try:
                butler.registry.removeDatasetType(name)
            except OrphanedRecordError:
                _LOG.info("dataset type %s stays: there are datasets of it", name)
            self._new_types.discard(name)

    def _try_quickly(
        self, quick: "QuickIngest", butler: Butler, batch: Sequence[Outputs]
    ) -> Exception | None:
        try:
            self._register_quickly(quick, butler, batch)
        except Exception as error:
            self._stored.forget()
            if blames_repository(error):
                raise
            return error
        return None

    def _register_quickly(self, quick: "QuickIngest", butler: Butler, batch: Sequence[Outputs]) -> None:
        files = list(files_of(batch).values())
        records = self._stored.missing(records_of(batch))
        with butler.transaction():
            insert_records(butler, records)
            placed = [file for file in files if not is_raw_in_place(file)]
            if quick.can_ingest(butler, placed):
                quick.ingest(butler, placed)
                files = [file for file in files if is_raw_in_place(file)]
            if files:
                ingest_files(butler, files)
        self._stored.add(records)
