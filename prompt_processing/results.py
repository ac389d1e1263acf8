"""A folder of results: what was observed, how it ended, and what was found."""

import functools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy.typing as npt
from astropy.table import Table
from attrs import evolve
from lsst.daf.butler import (  # type: ignore[attr-defined]  # CollectionType is public, not marked as such
    Butler,
    CollectionType,
    DatasetRef,
)

from domain.evidence import tonight
from domain.movers.linking import link
from domain.movers.tracklet import Tracklet
from domain.results.objects import summed_up
from domain.results.sources import DiaSource
from entrypoints.containers.outcomes import SITE, site_outcomes
from entrypoints.containers.results import ApdbAddressError, dia_sources, places_in
from ports.source_archive import SourceArchiveUnavailableError
from prompt_pipelines.completeness import Differenced, Injected
from prompt_processing.errors import ResultsError
from prompt_processing.images import KINDS, DetectorImage, image_from
from workbench.night.ades import Observatory, ades_text
from workbench.night.alerts import read_alert_files
from workbench.night.apdb import object_table, source_table
from workbench.night.completeness import ImageDepth, injected_copies, measured_depths
from workbench.night.kept_night import NIGHT, read_kept_alerts, read_kept_outcomes, read_kept_truth
from workbench.night.photometry import measured_at, photometry_table
from workbench.night.tracklets import finding_table, sighting_table, tracklet_table
from workbench.pace import Pace

__all__ = ["Results", "open_results"]

_SOURCES = "single_visit_sources"
_CALIBRATION = "visit_calibration"


def open_results(path: str | Path, *, apdb: str = "", instrument: str = "") -> "Results":
    """Open the results of a night, or of all nights of a site or a central repository.

    Parameters
    ----------
    path
        Folder that `demo` or `replay` has written, that of a site, or URI or label of a central repository.
    apdb
        Where the APDB of a central repository is: URI of its configuration, an SQLite file, or a URL of
        SQLAlchemy. Blank: there are no DiaSources to be read, or they are in the folder.
    instrument
        Whose results, where there are several instruments.

    Raises
    ------
    ResultsError
        Raised if there are none.
    """
    folder = Path(path)
    if apdb or "://" in str(path):
        return Results(str(path), apdb=apdb, instrument=instrument)
    if (folder / SITE).exists():
        return Results(str(folder / "central"), site=folder, instrument=instrument)
    if not (folder / "butler.yaml").exists():
        raise ResultsError(
            f"{folder}: there are no results; `demo` and `replay` name their folder at their end"
        )
    return Results(str(folder), instrument=instrument)


class Results:
    """Results of one night, or of all of a site or a repository; may be used as a context manager."""

    def __init__(
        self, repository: str, *, site: Path | None = None, apdb: str = "", instrument: str = ""
    ) -> None:
        self.path = Path(repository)
        """The folder, which is a Butler repository as well, unless another address was opened."""
        self._site = site
        self._apdb = apdb
        try:
            self._butler = Butler.from_config(repository, writeable=False)
        except Exception as error:  # whatever files, networks and databases raise
            raise ResultsError(f"{repository} cannot be opened: {error}") from error
        names = {record.name for record in self._butler.query_dimension_records("instrument", explain=False)}
        if len(names) != 1 and instrument not in names:
            self._butler.close()
            known = ", ".join(sorted(names)) or "none"
            raise ResultsError(f"{repository}: name one of its instruments, as `instrument`: {known}")
        self.instrument = instrument or str(*names)
        """Name of the camera."""
        chained = self._butler.collections.query(
            f"{self.instrument}/prompt/output-*", collection_types=CollectionType.CHAINED
        )
        raws = self._butler.collections.query(f"{self.instrument}/raw/*", collection_types=CollectionType.RUN)
        self._chains = [*sorted(chained, reverse=True), *sorted(raws)]

    @property
    def opened(self) -> Path:
        """The folder that was asked for: of a site that with its settings, else the repository."""
        return self._site or self.path

    @property
    def beside(self) -> str:
        """Say where APDB and alerts are, for people."""
        if self._site is None:
            return f"APDB, alerts, outcomes, the ledger's records and logs: {NIGHT}/"
        return f"APDB: {self._site / 'apdb'}; alerts: {self._site / 'alerts'}"

    def close(self) -> None:
        """Close the repository."""
        self._butler.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @functools.cached_property
    def visits(self) -> Table:
        """The exposures, each of which is a visit to the Butler.

        Columns: ``visit``, ``group``, ``day_obs``, ``filter``, ``exposure_time`` (s), ``begin`` (days TAI),
        ``ra`` and ``dec`` (degrees).
        """
        rows = []
        # Without an explanation if there are none: a night may be all of calibration frames.
        for record in self._butler.query_dimension_records(
            "exposure", instrument=self.instrument, explain=False
        ):
            begin = record.timespan.begin.tai.mjd if record.timespan is not None else float("nan")
            rows.append(
                (
                    record.id, record.group, record.day_obs, record.physical_filter, record.exposure_time,
                    begin, _number(record.tracking_ra), _number(record.tracking_dec),
                )
            )  # fmt: skip
        names = ("visit", "group", "day_obs", "filter", "exposure_time", "begin", "ra", "dec")
        return Table(rows=sorted(rows, key=lambda row: row[5]), names=names) if rows else Table(names=names)

    @functools.cached_property
    def outcomes(self) -> Table:
        """How each visit-detector ended, whether it was in time, why held, and the seconds of its stages."""
        kept = (
            read_kept_outcomes(self.path)
            if self._site is None
            else site_outcomes(self._site, self.instrument)
        )
        stages = list(dict.fromkeys(stage for one in kept for stage in one["seconds"]))
        names = ["group", "detector", "outcome", "detail"]
        # Nights that older releases have kept do not tell it.
        names += [name for name in ("promptness", "held") if all(name in one for one in kept)]
        rows = [
            [one[name] for name in names] + [one["seconds"].get(stage, float("nan")) for stage in stages]
            for one in kept
        ]
        columns = [*names, *(f"{stage}_seconds" for stage in stages)]
        return Table(rows=rows, names=columns) if rows else Table(names=columns)

    @functools.cached_property
    def counts(self) -> Mapping[str, int]:
        """Datasets of each type."""
        found: Counter[str] = Counter()
        for ref in self._refs("*"):
            found[ref.datasetType.name] += 1
        return dict(sorted(found.items()))

    def image(self, visit: int, detector: int, kind: str = "calibrated") -> DetectorImage:
        """Read an image.

        Parameters
        ----------
        visit, detector
            Of which.
        kind
            ``calibrated``, ``template``, ``difference``, ``isr``, ``raw``, or the name of a dataset type.

        Raises
        ------
        ResultsError
            Raised if there is none; the text says what there is.
        """
        name = KINDS.get(kind, kind)
        ref = self._find(name, visit, detector)
        image = image_from(self._butler.get(ref), Path(self._butler.getURI(ref).ospath))
        if image.unit != "electron":
            return image
        try:
            calibration = self._butler.get(self._find(_CALIBRATION, visit, detector))
        except ResultsError:
            return image
        return evolve(image, nanojansky=float(calibration["nanojansky_per_electron"]))

    def sources(self, visit: int, detector: int) -> Table:
        """Read the sources of a calibrated image.

        Raises
        ------
        ResultsError
            Raised if there are none.
        """
        return self._butler.get(self._find(_SOURCES, visit, detector))

    @functools.cached_property
    def dia_sources(self) -> Table:
        """All sources of difference images: the columns of `workbench.night.apdb.source_table`."""
        return source_table(self._dia_sources)

    @functools.cached_property
    def dia_objects(self) -> Table:
        """Objects, the most often seen first: the columns of `workbench.night.apdb.object_table`."""
        return object_table(summed_up(self._dia_sources))

    def light_curve(self, dia_object: int) -> Table:
        """List the sightings of an object in the order of time.

        Raises
        ------
        ResultsError
            Raised if there is no such object.
        """
        found = self.dia_sources[self.dia_sources["object"] == int(dia_object)]
        if not len(found):
            raise ResultsError(f"{self.path}: there is no DiaObject {dia_object}")
        return found

    @functools.cached_property
    def findings(self) -> Table:
        """What is new in the last night: the columns of `workbench.night.tracklets.finding_table`."""
        return finding_table(
            tonight(self._dia_sources), {} if self._site is not None else read_kept_truth(self.path)
        )

    @functools.cached_property
    def tracklets(self) -> Table:
        """What moved within a night: the columns of `workbench.night.tracklets.tracklet_table`."""
        return tracklet_table(self._tracklets)

    def tracklet(self, tracklet: int) -> Table:
        """List the sightings of a tracklet: the columns of `workbench.night.tracklets.sighting_table`.

        Raises
        ------
        ResultsError
            Raised if there is no such tracklet.
        """
        found = [one for one in self._tracklets if one.identifier == int(tracklet)]
        if not found:
            raise ResultsError(f"{self.path}: there is no tracklet {tracklet}")
        return sighting_table(found[0])

    def ades(self, observatory: Observatory | None = None, night: int | None = None) -> str:
        """Write tracklets in the format of the Minor Planet Center, ADES with columns parted by bars.

        Parameters
        ----------
        observatory
            What it asks of who reports; None leaves placeholders.
        night
            Day_obs (YYYYMMDD); None: all nights.
        """
        return ades_text(self._of_night(night), observatory or Observatory())

    def tracklets_of(self, night: int) -> Table:
        """List what moved in one night, by its day_obs (YYYYMMDD): columns as of `tracklets`."""
        return tracklet_table(self._of_night(night))

    def _of_night(self, night: int | None) -> Sequence[Tracklet]:
        if night is None:
            return self._tracklets
        visits = {int(row["visit"]) for row in self.visits if int(row["day_obs"]) == night}
        return link(one for one in self._dia_sources if one.visit in visits)

    def photometry(self, ra: float, dec: float) -> Table:
        """Measure what is at a place on all images, seen or not: the columns of `workbench.night.photometry`.

        Parameters
        ----------
        ra, dec
            Degrees ICRS.
        """
        return photometry_table(measured_at(self._butler, self._chains, self.instrument, ra, dec))

    def completeness(self, copies: int = 4, seed: int = 1, pace: Pace | None = None) -> Sequence[ImageDepth]:
        """Measure how faint a source may be and still be found: see `workbench.night.completeness`.

        Parameters
        ----------
        copies
            Of each difference image, each with sources at other places.
        seed
            Of what is random.
        pace
            Of the work.
        """
        return measured_depths(
            self._butler, self._chains, self.instrument, copies=copies, seed=seed, pace=pace or Pace()
        )

    def injected_copies(self, seed: int = 1) -> Iterator[tuple[Differenced, Injected]]:
        """Make a copy of each difference image with sources in it, as `completeness` searches them.

        Parameters
        ----------
        seed
            Of what is random.
        """
        return injected_copies(self._butler, self._chains, self.instrument, seed=seed)

    def cutouts(self, dia_source: int, size: int = 31) -> Mapping[str, npt.NDArray[Any]]:
        """Cut squares of pixels around a DiaSource out of ``calibrated``, ``template`` and ``difference``.

        Raises
        ------
        ResultsError
            Raised if there is no such DiaSource, or its images are not kept.
        """
        rows = self.dia_sources[self.dia_sources["dia_source"] == int(dia_source)]
        if not len(rows):
            raise ResultsError(f"{self.path}: there is no DiaSource {dia_source}")
        row = rows[0]
        return {
            kind: self.image(int(row["visit"]), int(row["detector"]), kind).cutout(
                float(row["x"]), float(row["y"]), size
            )
            for kind in ("calibrated", "template", "difference")
        }

    @functools.cached_property
    def alerts(self) -> list[dict[str, Any]]:
        """The alerts that were sent, as their schema has them."""
        return read_kept_alerts(self.path) if self._site is None else read_alert_files(self._site / "alerts")

    @functools.cached_property
    def _dia_sources(self) -> Sequence[DiaSource]:
        apdb = self._apdb or places_in(self.opened)[1]
        if not apdb:
            raise ResultsError(f"{self.opened}: the alert production database is not kept there")
        try:
            return dia_sources(apdb)
        except (ApdbAddressError, SourceArchiveUnavailableError) as error:
            raise ResultsError(str(error)) from error

    @functools.cached_property
    def _tracklets(self) -> Sequence[Tracklet]:
        return link(self._dia_sources)

    def _find(self, name: str, visit: int, detector: int) -> DatasetRef:
        found = [
            ref
            for ref in self._refs(name)
            if int(detector) == ref.dataId.get("detector")
            and int(visit) in (ref.dataId.get("visit"), ref.dataId.get("exposure"))
        ]
        if not found:
            kinds = ", ".join(name for name in self.counts)
            raise ResultsError(f"no {name} of visit {visit}, detector {detector}; there are {kinds}")
        return found[0]

    def _refs(self, name: str) -> list[DatasetRef]:
        kinds = list(self._butler.registry.queryDatasetTypes(name))
        with self._butler.query() as query:
            return [ref for kind in kinds for ref in query.datasets(kind, self._chains, find_first=True)]


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
