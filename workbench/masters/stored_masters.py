"""Masters that a repository holds, with their figures and the times that they are certified for."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from astropy.time import Time
from attrs import field, frozen
from lsst.daf.butler import (  # type: ignore[attr-defined]  # CollectionType is public, not marked as such
    Butler,
    CollectionType,
    DatasetAssociation,
    DatasetRef,
    DatasetType,
)

from domain.cameras.camera import Camera
from domain.cameras.camera_dict import camera_as_dict
from prompt_pipelines.corrections import CALIBRATIONS
from simulator.errors import SimulatorError
from workbench.masters.detector_masters import Master
from workbench.masters.master_quality import Quality
from workbench.pace import Pace, WorkStoppedError

__all__ = ["CAMERA", "StoredMaster", "associations", "put_masters", "stored_masters"]

CAMERA = "camera"
"""Dataset type of the camera, which a run of masters has too."""

_REPORT = "calibration_report"


@frozen(kw_only=True)
class StoredMaster:
    """One master of a repository."""

    run: str
    dataset_type: str
    detector: int
    physical_filter: str | None
    quality: Mapping[str, Any] | None = field(eq=False)
    """As `Quality.as_dict` writes it; None if whoever made the master did not measure it."""
    valid: tuple[tuple[str | None, str | None], ...]
    """Begin and end (ISO, UTC) of each time that it is certified for; None is unbounded."""
    ref: DatasetRef = field(repr=False)

    @property
    def name(self) -> str:
        """What it is, for people."""
        of = f"{self.dataset_type} of detector {self.detector}"
        return of if self.physical_filter is None else f"{of} in {self.physical_filter}"

    @property
    def failures(self) -> Sequence[str]:
        """What is wrong with it, as far as it is known."""
        if self.quality is None:
            return ("nobody has measured it",)
        return tuple(self.quality["failures"])


def put_masters(
    butler: Butler, camera: Camera, run: str, made: Sequence[tuple[Master, Quality]], pace: Pace
) -> Sequence[str]:
    """Store masters with their figures, and the camera, in a run of their own; returns the masters' names.

    Raises
    ------
    SimulatorError
        Raised if there is such a run.
    WorkStoppedError
        Raised, and nothing stored, once the pace is told to stop.
    """
    instrument = camera.instrument
    report: dict[str, Any] = {}
    with pace.unbroken():
        butler.registry.registerDatasetType(
            DatasetType(_REPORT, ("instrument",), "StructuredDataDict", universe=butler.dimensions)
        )
        if not butler.collections.register(run, CollectionType.RUN):
            raise SimulatorError(f"the repository has a run {run} already")
        try:
            with butler.transaction():
                butler.put(camera_as_dict(camera), CAMERA, {"instrument": instrument}, run=run)
                for master, quality in pace.over("storing masters", made):
                    ref = butler.put(master.content, master.dataset_type, master.data_id, run=run)
                    report[_key(ref)] = quality.as_dict()
                butler.put({"masters": report}, _REPORT, {"instrument": instrument}, run=run)
        except WorkStoppedError:
            butler.collections.x_remove(run)
            raise
    return sorted(report)


def stored_masters(butler: Butler, instrument: str | None = None) -> list[StoredMaster]:
    """List all masters of an instrument, or of all, with the times that they are certified for."""
    found: list[StoredMaster] = []
    reports: dict[str, Mapping[str, Any]] = {}
    for dataset_type in _registered(butler, CALIBRATIONS):
        valid = _validity(butler, dataset_type)
        for ref in butler.registry.queryDatasets(dataset_type, collections=..., findFirst=False):
            if instrument not in {None, ref.dataId["instrument"]}:
                continue
            if ref.run not in reports:
                reports[ref.run] = _report(butler, ref)
            found.append(
                StoredMaster(
                    run=ref.run,
                    dataset_type=dataset_type,
                    detector=int(ref.dataId["detector"]),
                    physical_filter=cast("str | None", ref.dataId.get("physical_filter")),
                    quality=reports[ref.run].get(_key(ref)),
                    valid=tuple(valid.get(ref, ())),
                    ref=ref,
                )
            )
    order = {name: number for number, name in enumerate(CALIBRATIONS)}
    return sorted(
        set(found),
        key=lambda one: (one.run, order[one.dataset_type], one.detector, one.physical_filter or ""),
    )


def _registered(butler: Butler, names: Iterable[str]) -> list[str]:
    return [one.name for one in butler.registry.queryDatasetTypes(list(names))]


def associations(butler: Butler, dataset_type: str) -> Iterator[DatasetAssociation]:
    """List what is certified of a dataset type, and for when."""
    yield from butler.registry.queryDatasetAssociations(
        dataset_type, collections=..., collectionTypes={CollectionType.CALIBRATION}
    )


def _validity(butler: Butler, dataset_type: str) -> dict[DatasetRef, list[tuple[str | None, str | None]]]:
    valid: dict[DatasetRef, list[tuple[str | None, str | None]]] = {}
    for association in associations(butler, dataset_type):
        span = association.timespan
        if span is not None:
            valid.setdefault(association.ref, []).append((_text(span.begin), _text(span.end)))
    return valid


def _text(end: object) -> str | None:
    return str(Time(end, precision=0).utc.isot) if isinstance(end, Time) else None


def _report(butler: Butler, ref: DatasetRef) -> Mapping[str, Any]:
    if not _registered(butler, [_REPORT]):
        return {}
    found = butler.find_dataset(_REPORT, {"instrument": ref.dataId["instrument"]}, collections=ref.run)
    return {} if found is None else butler.get(found)["masters"]


def _key(ref: DatasetRef) -> str:
    parts = [ref.datasetType.name, str(ref.dataId["detector"])]
    if "physical_filter" in ref.dataId:
        parts.append(str(ref.dataId["physical_filter"]))
    return "/".join(parts)
