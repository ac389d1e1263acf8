"""Outputs to the central repository: files first, then the registry is told."""

import logging

from attrs import evolve
from lsst.daf.butler import DataCoordinate, DatasetIdGenEnum, DatasetRef, FileDataset

from adapters.butler.inputs.pipelines import PipelineLibrary
from adapters.butler.shared.central_repository import CentralRepositories
from adapters.butler.shared.messages import Outputs, encode, unpack_records
from adapters.butler.shared.names import RAW, raw_run, stage_times_type
from adapters.butler.shared.reaching import retry_once_if_unreachable
from adapters.butler.shared.registration import register_outputs
from adapters.butler.shared.steps import one_line
from adapters.butler.workspace.attempt import OpenAttempt
from adapters.butler.workspace.claiming import make_claim
from adapters.butler.workspace.export import ExportRules
from adapters.butler.workspace.settings import WorkspaceSettings
from domain.runs import chain, preload_run
from domain.work.outcomes import Export
from ports.ledger import Claims

__all__ = ["Exporter"]

_log = logging.getLogger(__name__)


class Exporter:
    """Copies outputs and writes the message about them, or the registry itself.

    Parameters
    ----------
    settings
        What is exported, and who writes the registry.
    shared
        The central repositories.
    claims
        Guards permanent changes: a file in the central datastore is one.
    library
        Knows which outputs come after a change.
    """

    def __init__(
        self,
        settings: WorkspaceSettings,
        shared: CentralRepositories,
        claims: Claims,
        library: PipelineLibrary,
    ) -> None:
        self._settings = settings
        self._shared = shared
        self._claims = claims
        self._library = library
        self._rules = ExportRules(settings.export_types)

    def export(self, attempt: OpenAttempt, what: Export) -> bytes | None:
        """Export what an outcome allows.

        Returns
        -------
        message
            For the Butler Writer; None if there is nothing to tell it.
        """
        if what is Export.NOTHING or not self._settings.export_outputs:
            return None
        if attempt.seconds:
            self._tell_times(attempt)
        journal = attempt.journal
        pipelines = {
            run: None if file is None else self._library.load(file) for run, file in journal.runs.items()
        }
        refs = self._rules.choose(attempt.repository.outputs(list(journal.runs)), what, pipelines)
        if not refs:
            return None
        packed = journal.packed_records(journal.exposures)
        raws = self._raws(attempt) if self._settings.export_raws else []
        exported = [*refs, *(ref for raw in raws for ref in raw.refs)]
        types = list({ref.datasetType.name: ref.datasetType for ref in exported}.values())
        # Before the claim: a worker whose datastore is there may take the visit over.
        with self._shared.output_root.kept_mounted(was_mounted=journal.mounted):
            make_claim(self._claims, attempt, journal.exposures)
            # The central datastore may be on the same disk.
            attempt.reserve.release()
            files = [*attempt.repository.copy_out(refs), *raws]
        if self._settings.use_writer:
            return encode(packed, types, files)
        records = unpack_records(packed, attempt.repository.universe)
        outputs = Outputs(records=records, dataset_types=types, files=files)
        retry_once_if_unreachable(
            lambda: register_outputs(self._shared.writer, [outputs]), self._settings.retry_delay
        )
        return None

    def _raws(self, attempt: OpenAttempt) -> list[FileDataset]:
        """Name the raws that outputs were made of, where they are.

        Each has the id that any process gives it, so that it is registered once.
        """
        raw_type = self._shared.reader.get_dataset_type(RAW)
        work = attempt.assignment.work
        files = []
        for exposure in attempt.journal.exposures:
            uri, formatter = attempt.journal.raws[str(exposure)]
            data_id = DataCoordinate.standardize(
                {"instrument": work.visit.instrument, "exposure": exposure, "detector": work.detector},
                dimensions=raw_type.dimensions,
            )
            run = raw_run(work.visit.instrument)
            ref = DatasetRef(raw_type, data_id, run, id_generation_mode=DatasetIdGenEnum.DATAID_TYPE_RUN)
            files.append(FileDataset(uri, [ref], formatter=formatter))
        return files

    def _tell_times(self, attempt: OpenAttempt) -> None:
        """Store how long each stage took; a failure of that costs nothing but the times."""
        try:
            self._store_times(attempt)
        except Exception as error:  # noqa: BLE001 - each store has errors of its own
            _log.warning("the stage times cannot be stored: %s", one_line(error))
        attempt.seconds.clear()

    def _store_times(self, attempt: OpenAttempt) -> None:
        assignment = attempt.assignment
        run = preload_run(chain(assignment.work.visit.instrument, assignment.day), self._settings.deployment)
        attempt.note(evolve(attempt.journal, runs={**attempt.journal.runs, run: None}))
        seconds = {name: round(value, 6) for name, value in attempt.seconds.items()}
        ref = attempt.ref(stage_times_type(attempt.repository.universe), run, attempt.data_id)
        attempt.repository.put({"attempt": assignment.attempt.number, "seconds": seconds}, ref)
