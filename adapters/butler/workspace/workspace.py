"""A visit-detector from its announcement to its outputs, in a local repository."""

import contextlib
import logging
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from attrs import evolve, frozen
from lsst.pipe.base.utils import RegionTimeInfo

from adapters.butler.camera.camera_stack import CameraStack
from adapters.butler.inputs.init_outputs import InitOutputs
from adapters.butler.inputs.inputs import Inputs, Selection
from adapters.butler.inputs.pipelines import LoadedPipeline, PipelineLibrary
from adapters.butler.inputs.preload import Preloader
from adapters.butler.repository.visit_repository import VisitRepositories
from adapters.butler.shared.central_repository import CentralRepositories
from adapters.butler.shared.messages import pack_records
from adapters.butler.shared.names import RAW, REGION_TIME, raw_run, region_time_type
from adapters.butler.shared.reaching import retry_once_if_unreachable
from adapters.butler.shared.records import make_record
from adapters.butler.shared.steps import Stopwatch, one_line, step
from adapters.butler.workspace.alert_outbox import AlertOutbox
from adapters.butler.workspace.attempt import OpenAttempt, attempt_folder, remove_attempts
from adapters.butler.workspace.exporting import Exporter
from adapters.butler.workspace.journal import Journal, read_journal
from adapters.butler.workspace.pipeline_runs import PipelineRuns
from adapters.butler.workspace.quality import read_quality
from adapters.butler.workspace.selection import select
from adapters.butler.workspace.settings import WorkspaceSettings
from domain.cameras.camera import Camera
from domain.raws.announced import placed_as_announced
from domain.raws.exposure import Exposure
from domain.raws.raws import RawImage
from domain.runs import input_collections
from domain.work.outcomes import Export
from ports.ledger import Claims
from ports.neighbours import Neighbour
from ports.workspace import (
    Assignment,
    InitOutputsMissingError,
    NeighbourAwayError,
    NothingRunnableError,
    Prepared,
    Processed,
    WaitingAlerts,
    WorkspaceError,
)

__all__ = ["ButlerWorkspace"]

_log = logging.getLogger(__name__)


@frozen(kw_only=True)
class _Found:
    """What the central repository has for a visit-detector."""

    inputs: Inputs
    collections: Sequence[str]
    """Where they were looked for."""
    warnings: tuple[str, ...]
    """What is known to be missing."""


class ButlerWorkspace:
    """A `ports.workspace.LocalWorkspace` on Butler repositories.

    Parameters
    ----------
    settings
        Where to read, work and write.
    camera
        The instrument's camera.
    stack
        Reads its raws.
    shared
        The central repositories.
    repositories
        Makes the attempts' own repositories.
    claims
        Guards permanent changes.
    probe_apdb
        Raises if the APDB does not answer; None: there is none that can be asked.
    clock
        Seconds, monotonic.
    """

    def __init__(
        self,
        *,
        settings: WorkspaceSettings,
        camera: Camera,
        stack: CameraStack,
        shared: CentralRepositories,
        repositories: VisitRepositories,
        claims: Claims,
        probe_apdb: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._settings = settings
        self._camera = camera
        self._stack = stack
        self._shared = shared
        self._repositories = repositories
        self._alerts = AlertOutbox(shared)
        self._runs = PipelineRuns(
            settings.deployment,
            claims,
            self._alerts,
            lambda: self.probe(Neighbour.APDB),
            next_on_refusal=settings.next_on_refusal,
        )
        self._clock = clock
        self._probes: Mapping[Neighbour, Callable[[], None]] = {
            Neighbour.REPOSITORY: shared.probe_registries,
            Neighbour.DATASTORE: shared.probe_datastore,
            Neighbour.APDB: probe_apdb or (lambda: None),
        }
        self._library = PipelineLibrary(
            settings.pipelines_root,
            settings.apdb_config,
            settings.change_tasks,
            lambda: shared.reader,
            lambda: shared.outputs,
        )
        self._preloader = Preloader(
            InitOutputs(settings.deployment), repositories.finder, frozenset({REGION_TIME})
        )
        self._exporter = Exporter(settings, shared, claims, self._library)
        self._attempt: OpenAttempt | None = None
        self._folder: Path | None = None

    def prepare(self, assignment: Assignment) -> Prepared:
        """See `ports.workspace.Workspace.prepare`."""
        self.clean()
        began = self._clock()
        watch = Stopwatch(self._clock)
        with watch.stage("pipelines"):
            preprocessing, main, broken = self._load(assignment)
        # Those that cannot be loaded are not tried again after the image.
        assignment = evolve(assignment, main=tuple(pipeline.file for pipeline in main))
        selection, unknown = select(
            self._camera,
            self._stack,
            assignment.work,
            skymap=self._settings.skymap,
            padding=self._settings.padding,
        )

        def find() -> _Found:
            return retry_once_if_unreachable(
                lambda: self._find(
                    assignment, preprocessing, main, selection, broken=broken, unknown=unknown
                ),
                self._settings.retry_delay,
            )

        with watch.stage("find inputs"):
            found = self._find_or_look_again(find)
        with watch.stage("make repository"):
            attempt = self._open(assignment, found.collections, [*preprocessing, *main])
        with watch.stage("copy inputs"):
            found = self._copy(attempt, found, find)
            self._tell_region(attempt, selection)
        failed = self._runs.preprocess(attempt, preprocessing, watch)
        attempt.spent("prepare", self._clock() - began, watch.seconds)
        return Prepared(
            datasets=len(found.inputs.everything), warnings=(*found.warnings, *failed), seconds=watch.seconds
        )

    def _load(
        self, assignment: Assignment
    ) -> tuple[Sequence[LoadedPipeline], Sequence[LoadedPipeline], Sequence[str]]:
        """Load preprocessing and main pipelines, with a warning for each that cannot be used."""
        preprocessing, warnings = self._library.load_any(assignment.preprocessing)
        main, broken = self._library.load_any(assignment.main)
        if broken and not main:
            raise WorkspaceError("; ".join(broken))
        # Before there is an exposure, there is nothing to claim.
        changing = [
            f"preprocessing pipeline {pipeline.name} makes permanent changes: "
            f"{', '.join(sorted(pipeline.change_labels))}"
            for pipeline in preprocessing
            if pipeline.change_labels
        ]
        unchanging = [pipeline for pipeline in preprocessing if not pipeline.change_labels]
        return unchanging, main, [*warnings, *changing, *broken]

    def _input_collections(self) -> Sequence[str]:
        names = input_collections(self._camera.instrument)
        return (
            names.defaults,
            names.calibrations,
            names.reference_catalogues,
            names.templates,
            names.skymaps,
        )

    def _find(
        self,
        assignment: Assignment,
        preprocessing: Sequence[LoadedPipeline],
        main: Sequence[LoadedPipeline],
        selection: Selection,
        *,
        broken: Sequence[str],
        unknown: Sequence[str],
    ) -> _Found:
        there, missing = self._repositories.finder.collections(self._input_collections())
        told = (*broken, *unknown, *(f"collection {name} does not exist" for name in missing))
        try:
            inputs = self._preloader.find(
                self._shared.outputs,
                preprocessing=preprocessing,
                main=main,
                runs={each.file: self._runs.run_of(assignment, each) for each in (*preprocessing, *main)},
                day=assignment.day,
                collections=there,
                selection=selection,
            )
        except InitOutputsMissingError:
            # What was not registered when they were loaded may be when they are tried again.
            self._library.forget()
            raise
        except NothingRunnableError as error:
            # What is missing may be the reason, and is not told otherwise: this is the end of the visit,
            # unless a pipeline that could not be loaded can be by another attempt.
            kind = WorkspaceError if broken else NothingRunnableError
            raise kind("; ".join((str(error), *told))) from error
        return _Found(inputs=inputs, collections=there, warnings=told)

    def _find_or_look_again(self, find: Callable[[], _Found]) -> _Found:
        """Find inputs; if they do not suffice and were remembered, once more: they may by now."""
        try:
            return find()
        except NothingRunnableError:
            if not self._repositories.finder.forget(self._settings.remembered):
                raise
            return find()

    def _copy(self, attempt: OpenAttempt, found: _Found, find: Callable[[], _Found]) -> _Found:
        """Copy inputs; if that fails and they were remembered, once more with what is found anew."""
        try:
            attempt.repository.load(found.inputs)
        except Exception as error:
            if not self._repositories.finder.forget():
                raise
            _log.warning("looking up inputs again: %s", one_line(error))
            found = find()
            attempt.repository.load(found.inputs)
        return found

    def _open(
        self, assignment: Assignment, collections: Sequence[str], pipelines: Sequence[LoadedPipeline]
    ) -> OpenAttempt:
        mounted = self._shared.output_root.is_mounted()
        self._folder = attempt_folder(self._settings.folder, assignment.attempt)
        # Those of other attempts too: a child that could not be started did not clean.
        remove_attempts(self._settings.folder)
        self._folder.mkdir(parents=True)
        repository = self._repositories.create(self._folder / "repo", collections, pipelines)
        journal = Journal(collections=tuple(collections), mounted=mounted)
        attempt = OpenAttempt(assignment, self._folder, repository, journal)
        self._attempt = attempt
        visit = assignment.work.visit
        group = make_record(repository.universe, "group", instrument=visit.instrument, name=visit.group)
        repository.add_records([group])
        attempt.note(evolve(attempt.journal, group=tuple(pack_records([group]))))
        return attempt

    def _tell_region(self, attempt: OpenAttempt, selection: Selection) -> None:
        """Store where and when the visit will be, for preload pipelines."""
        if selection.region is None:
            return
        run = self._runs.preload_run(attempt.assignment)
        attempt.note(evolve(attempt.journal, runs={**attempt.journal.runs, run: None}))
        ref = attempt.ref(region_time_type(attempt.repository.universe), run, attempt.data_id)
        attempt.repository.put(RegionTimeInfo(region=selection.region, timespan=selection.timespan), ref)

    def resume(self, assignment: Assignment) -> None:
        """See `ports.workspace.LocalWorkspace.resume`.

        If nothing usable was left, only cleaning works.
        """
        self._folder = attempt_folder(self._settings.folder, assignment.attempt)
        try:
            with step("resume"):
                journal = read_journal(self._folder)
                packed = journal.packed_records(journal.records)
                repository = self._repositories.reopen(self._folder / "repo", packed)
        except WorkspaceError as error:
            _log.warning("the attempt's working files are lost: %s", error)
        else:
            self._attempt = OpenAttempt(assignment, self._folder, repository, journal)

    def ingest(self, raw: RawImage) -> Exposure:
        """See `ports.workspace.Workspace.ingest`."""
        attempt = self._current()
        began = self._clock()
        with step(f"ingest {raw.uri}"):
            path = self._stack.fetch(raw, attempt.incoming)
            try:
                exposure = self._stack.read(path, raw)
                attempt.check_expected(raw, exposure)
                if self._camera.pointing_error:
                    exposure = placed_as_announced(exposure, attempt.assignment.work.visit)
                self._add(attempt, exposure, path, raw.uri)
            finally:
                path.unlink(missing_ok=True)
        attempt.spent("ingest", self._clock() - began)
        return exposure

    def _add(self, attempt: OpenAttempt, exposure: Exposure, path: Path, uri: str) -> None:
        records = self._stack.records(attempt.repository.universe, exposure)
        attempt.repository.add_records(records)
        data_id: Mapping[str, str | int] = {
            "instrument": exposure.instrument,
            "exposure": exposure.exposure,
            "detector": exposure.detector,
        }
        raw_type = self._shared.reader.get_dataset_type(RAW)
        ref = attempt.ref(raw_type, raw_run(exposure.instrument), data_id)
        formatter = self._stack.raw_formatter(exposure)
        attempt.repository.add_raw(path, ref, formatter)
        key = str(exposure.exposure)
        known = {**attempt.journal.records, key: pack_records(records)}
        raws = {**attempt.journal.raws, key: (uri, formatter)}
        attempt.note(evolve(attempt.journal, records=known, raws=raws))

    def process(self, exposures: Sequence[int], until: float | None = None) -> Processed:
        """See `ports.workspace.LocalWorkspace.process`."""
        attempt = self._current()
        began = self._clock()
        with step("process"), self._alerts.offered(attempt, until):
            attempt.note(evolve(attempt.journal, exposures=tuple(exposures)))
            pipelines = map(self._library.load, attempt.assignment.main)
            pipeline, execution = self._runs.process(attempt, pipelines, exposures)
        attempt.spent("process", self._clock() - began, execution.seconds)
        return Processed(
            pipeline=pipeline.name,
            failure="; ".join(execution.failures),
            away=execution.away,
            changed=attempt.journal.claimed,
            seconds=execution.seconds,
            quality=read_quality(attempt),
        )

    def waiting_alerts(self) -> WaitingAlerts | None:
        """See `ports.workspace.Workspace.waiting_alerts`."""
        attempt = self._current()
        if not attempt.journal.claimed:
            return None
        with step("alerts"):
            return self._alerts.waiting(attempt.assignment)

    def export(self, what: Export) -> bytes | None:
        """See `ports.workspace.Workspace.export`."""
        attempt = self._current()
        with step("export"):
            return self._exporter.export(attempt, what)

    def probe(self, neighbour: Neighbour) -> None:
        """See `ports.workspace.Workspace.probe`."""
        try:
            with step("probe"):
                self._probes.get(neighbour, lambda: None)()
        except WorkspaceError as error:
            raise NeighbourAwayError(f"the {neighbour} does not answer: {error}", neighbour) from error

    def clean(self) -> None:
        """See `ports.workspace.Workspace.clean`."""
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            # Whatever closing throws, the files go.
            with contextlib.suppress(Exception):
                attempt.repository.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def close(self) -> None:
        """Clean, and let go of the central repositories."""
        self.clean()
        self._repositories.close()
        self._shared.close()

    def _current(self) -> OpenAttempt:
        if self._attempt is None:
            raise WorkspaceError("nothing was prepared, or nothing is left of it")
        return self._attempt
