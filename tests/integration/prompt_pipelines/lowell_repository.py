"""A repository made of a folder of real raws: one tract and skymap for each half of the night.

Each half's templates serve the other, so that nothing is differenced with
itself.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import astropy.units as u
import numpy as np
from astropy.table import Table, vstack
from astropy.time import Time
from attrs import frozen
from lsst.daf.butler import (  # type: ignore[attr-defined]  # CollectionType is public, not marked as such
    Butler,
    CollectionType,
    DatasetRef,
    FileDataset,
    Timespan,
)
from lsst.images import Box, DetectorFrame
from lsst.sphgeom import HtmPixelization, LonLat, UnitVector3d

from adapters.files.cameras import load_camera
from domain.camera_dict import camera_as_dict
from prompt_pipelines.calibrations import combine_biases, combine_flats
from prompt_pipelines.camera import CameraDict, find_detector
from prompt_pipelines.formatters import RawFrameFormatter
from prompt_pipelines.instrument import CameraInstrument
from prompt_pipelines.positions import image_region
from prompt_pipelines.raw import read_raw
from prompt_pipelines.repository import butler_config, input_dataset_types
from prompt_pipelines.templates import Contribution, combine_template
from prompt_pipelines.wcs import make_projection, sky_header

__all__ = ["DETECTORS", "INSTRUMENT", "Frame", "add_sky", "make_repository", "science_frames"]

INSTRUMENT = "Lowell42"
DETECTORS = (0, 1)
_DAY = 20190326
_IDS = {"instrument": INSTRUMENT}
NANOJANSKY_PER_ELECTRON = 3.0
"""Of the frame that the catalogue is made from; any number will do."""


@frozen
class Frame:
    """One exposure."""

    number: str
    """Of the file, four digits."""
    half: int
    """0 or 1: of the night."""

    @property
    def exposure(self) -> int:
        return _DAY * 100000 + int(self.number)

    def path(self, folder: Path, detector: int) -> Path:
        return folder / "light" / f"{_DAY}.{self.number}_d{detector}.fits.fz"


def science_frames(folder: Path) -> list[Frame]:
    """List the night's exposures in time order."""
    numbers = sorted({path.name.split(".")[1].split("_")[0] for path in (folder / "light").iterdir()})
    return [Frame(number, int(i >= len(numbers) // 2)) for i, number in enumerate(numbers)]


def _camera() -> CameraDict:
    camera = camera_as_dict(load_camera("lowell"))
    camera["filters"] = {"VR": "r"}  # the band of the APDB that is closest
    return cast(CameraDict, camera)


def make_repository(root: Path, folder: Path) -> None:
    """Make a repository with the night's raws and calibrations."""
    config = Butler.makeRepo(str(root), config=butler_config())
    with Butler.from_config(config, writeable=True) as butler:
        CameraInstrument.for_camera(_camera()).register(butler.registry)
        for dataset_type in input_dataset_types(butler.dimensions).values():
            butler.registry.registerDatasetType(dataset_type)
        _add_calibrations(butler, folder)
        butler.registry.insertDimensionData("day_obs", {**_IDS, "id": _DAY})
        butler.collections.register("raw")
        for frame in science_frames(folder):
            _add_exposure(butler, folder, frame)


def _add_calibrations(butler: Butler, folder: Path) -> None:
    camera = _camera()
    butler.collections.register("calib", CollectionType.CALIBRATION)
    butler.collections.register("masters")
    refs = [butler.put(camera, "camera", _IDS, run="masters")]
    for detector in DETECTORS:
        frames = {
            kind: [read_raw(path) for path in sorted((folder / kind).glob(f"*_d{detector}.fits.fz"))]
            for kind in ("bias", "flat")
        }
        data_id = {**_IDS, "detector": detector}
        bias = combine_biases(frames["bias"], camera, detector)
        flat = combine_flats(frames["flat"], bias, camera, detector)
        refs.append(butler.put(bias, "bias", data_id, run="masters"))
        refs.append(butler.put(flat, "flat", data_id | {"physical_filter": "VR"}, run="masters"))
    butler.registry.certify("calib", refs, Timespan(None, None))


def _add_exposure(butler: Butler, folder: Path, frame: Frame) -> None:
    header = read_raw(frame.path(folder, 0)).header
    begin, end = (
        Time(f"{header['DATE-OBS']}T{header[card]}", scale="utc").tai for card in ("UTCSTART", "UTCEND")
    )
    exposure = {**_IDS, "exposure": frame.exposure}
    visit = {**_IDS, "visit": frame.exposure}
    shared = {
        **_IDS,
        "id": frame.exposure,
        "physical_filter": "VR",
        "day_obs": _DAY,
        "seq_num": int(frame.number),
        "exposure_time": float(header["EXPTIME"]),
        "timespan": Timespan(begin, end),
    }
    insert = butler.registry.insertDimensionData
    regions = {detector: _region(folder, frame, detector) for detector in DETECTORS}
    insert("group", {**_IDS, "name": frame.number})
    insert(
        "exposure",
        {**shared, "obs_id": frame.number, "group": frame.number, "observation_type": "science"},
    )
    insert("visit", {**shared, "name": frame.number, "region": regions[0]})
    insert("visit_system_membership", {**visit, "visit_system": 0})
    insert("visit_definition", {**visit, **exposure})
    for detector in DETECTORS:
        insert("visit_detector_region", {**visit, "detector": detector, "region": regions[detector]})
        ref = DatasetRef(
            butler.get_dataset_type("raw"),
            butler.registry.expandDataId({**exposure, "detector": detector}),
            run="raw",
        )
        path = str(frame.path(folder, detector))
        butler.ingest(FileDataset(path, [ref], formatter=RawFrameFormatter), transfer="direct")


def _region(folder: Path, frame: Frame, detector: int) -> Any:
    description = find_detector(_camera(), detector)
    box = Box.from_shape((description["ny"], description["nx"]))
    header = sky_header(read_raw(frame.path(folder, detector)).header, description, "TPV")
    return image_region(
        make_projection(header, DetectorFrame(instrument=INSTRUMENT, detector=detector, bbox=box)), box
    )


def add_sky(butler: Butler, frames: Sequence[Frame]) -> None:
    """Make the reference catalogue and the templates out of the single frames."""
    butler.collections.register("sky")
    _add_reference(butler, frames[len(frames) // 2])
    for half in (0, 1):
        _add_templates(butler, half, [frame for frame in frames if frame.half == half])


def _add_reference(butler: Butler, frame: Frame) -> None:
    tables = [
        butler.get("single_visit_sources", {**_IDS, "visit": frame.exposure, "detector": d})
        for d in DETECTORS
    ]
    stars = vstack(tables, metadata_conflicts="silent")
    reference = Table(
        {
            "id": stars["id"],
            "ra": stars["ra"],
            "dec": stars["dec"],
            "r_flux": NANOJANSKY_PER_ELECTRON * np.asarray(stars["flux"]) * u.nJy,
        }
    )
    mesh = HtmPixelization(7)
    index = np.array(
        [mesh.index(UnitVector3d(LonLat.fromDegrees(float(s["ra"]), float(s["dec"])))) for s in reference]
    )
    for htm7 in np.unique(index):
        butler.put(reference[index == htm7], "reference_catalogue", {"htm7": int(htm7)}, run="sky")


def _add_templates(butler: Butler, half: int, frames: Sequence[Frame]) -> None:
    name = f"half{half}"
    insert = butler.registry.insertDimensionData
    insert(
        "skymap",
        {"name": name, "hash": bytes([half]) * 20, "tract_max": 1, "patch_nx_max": 2, "patch_ny_max": 1},
    )
    for detector in DETECTORS:
        template = combine_template(list(_contributions(butler, frames, detector)))
        assert template.sky_projection is not None
        region = image_region(template.sky_projection, template.bbox)
        if detector == 0:
            insert("tract", {"skymap": name, "id": 0, "region": region})
        patch = {
            "skymap": name,
            "tract": 0,
            "id": detector,
            "cell_x": detector,
            "cell_y": 0,
            "region": region,
        }
        insert("patch", patch)
        data_id = {"skymap": name, "tract": 0, "patch": detector, "band": "r"}
        butler.put(template, "template_coadd", data_id, run="sky")


def _contributions(butler: Butler, frames: Sequence[Frame], detector: int) -> Iterator[Contribution]:
    for frame in frames:
        data_id = {**_IDS, "visit": frame.exposure, "detector": detector}
        yield Contribution(butler.get("preliminary_visit_image", data_id), NANOJANSKY_PER_ELECTRON)
