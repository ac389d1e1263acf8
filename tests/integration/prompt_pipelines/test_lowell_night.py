"""A real night against what is known of it: two asteroids and a variable star.

The truth files were measured on these pixels, independently of the pipelines.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from attrs import frozen
from lsst.daf.butler import Butler

from prompt_pipelines.apdb import open_apdb
from prompt_pipelines.positions import pixel_positions
from tests.integration.prompt_pipelines.lowell_repository import (
    DETECTORS,
    INSTRUMENT,
    Frame,
    add_sky,
    make_repository,
    science_frames,
)
from tests.integration.prompt_pipelines.running import APDB_WARNINGS, close_apdb, make_apdb, run_pipeline

FOLDER = Path(__file__).parents[4] / "shared" / "data" / "lowell-2019-03-26"
TRIMMED_X, FIRST_ROW = 18, 601  # of the raw frame's pixels, counted from 1, in the truth files
RADIUS = 2.5  # pixels

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings(APDB_WARNINGS),
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"the night's raws are not there: {FOLDER}"),
]


@frozen
class Night:
    """What the pipelines made of the night."""

    butler: Butler
    apdb_uri: str
    frames: list[Frame]

    def get(self, name: str, frame: Frame, detector: int) -> Any:
        return self.butler.get(
            name, {"instrument": INSTRUMENT, "visit": frame.exposure, "detector": detector}
        )

    def accepted(self, frame: Frame, detector: int) -> Any:
        sources = self.get("dia_sources", frame, detector)
        return sources[~np.asarray(sources["flag_rejected"])]


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    root = tmp_path_factory.mktemp("lowell")
    repository, frames = root / "repo", science_frames(FOLDER)
    make_repository(repository, FOLDER)
    where = f"instrument='{INSTRUMENT}'"
    run_pipeline(repository, "SingleFrame", where, inputs=["calib", "raw"], run="single")
    with Butler.from_config(str(repository), collections=["single"], writeable=True) as butler:
        add_sky(butler, frames)
    uri = make_apdb(root)
    for frame in frames:  # one after the other, as they were taken
        where = f"instrument='{INSTRUMENT}' AND visit={frame.exposure} AND skymap='half{1 - frame.half}'"
        run_pipeline(repository, "ApPipe", where, inputs=["calib", "raw", "sky"], run="ap", apdb=uri)
    with Butler.from_config(str(repository), collections=["ap"]) as butler:
        yield Night(butler, uri, frames)
    close_apdb(uri)


def _truth(name: str) -> dict[str, dict[str, str]]:
    with (FOLDER / name).open() as file:
        return {row["frame"]: row for row in csv.DictReader(file)}


def _distance(night: Night, frame: Frame, row: dict[str, str]) -> float:
    sources = night.accepted(frame, 0)
    x, y = float(row["x_raw1"]) - TRIMMED_X, float(row["y_raw1"]) - FIRST_ROW
    return float(np.min(np.hypot(sources["x"] - x, sources["y"] - y), initial=np.inf))


@pytest.mark.parametrize(("name", "wanted"), [("truth_A_5945.csv", 12), ("truth_B_mover.csv", 11)])
def test_the_asteroids_are_found(night: Night, name: str, wanted: int) -> None:
    truth = _truth(name)
    distances = {frame.number: _distance(night, frame, truth[frame.number]) for frame in night.frames}
    found = [number for number, distance in distances.items() if distance <= RADIUS]
    assert len(found) >= wanted, distances


def test_the_variable_has_its_light_curve(night: Night) -> None:
    truth = _truth("truth_V1_lightcurve.csv")
    ra, dec = (float(truth[night.frames[0].number][name]) for name in ("ra_deg", "dec_deg"))
    forced = _light_curve(night, ra, dec)
    assert len(forced) >= 8
    exposures = {frame.exposure: frame.number for frame in night.frames}
    known = np.array([float(truth[exposures[visit]]["rel_flux"]) for visit in forced["visit"]])
    flux = forced["scienceFlux"].to_numpy(dtype=float)
    flux = flux / np.median(flux / known)
    # Magnitudes of the range, brightest to faintest, over the visits since it became an object.
    assert np.ptp(-2.5 * np.log10(flux)) == pytest.approx(np.ptp(-2.5 * np.log10(known)), rel=0.2)
    assert np.corrcoef(flux, known)[0, 1] > 0.95


def _light_curve(night: Night, ra: float, dec: float) -> pd.DataFrame:
    tables = [night.get("dia_forced_source_apdb", frame, 1) for frame in night.frames]
    forced = pd.concat([table for table in tables if len(table)], ignore_index=True)
    east = (forced["ra"] - ra) * np.cos(np.radians(dec)) * 3600
    near = forced[np.hypot(east, (forced["dec"] - dec) * 3600) < 2.0]
    # The object of the variable itself, should a neighbour have made one too.
    longest = near["diaObjectId"].value_counts().idxmax()
    return near[near["diaObjectId"] == longest].sort_values("midpointMjdTai")


def test_little_else_is_found(night: Night) -> None:
    movers = [_truth("truth_A_5945.csv"), _truth("truth_B_mover.csv")]
    variable = next(iter(_truth("truth_V1_lightcurve.csv").values()))
    counts = []
    for frame in night.frames:
        for detector in DETECTORS:
            sources = night.accepted(frame, detector)
            if detector == 0:
                known = [
                    (
                        float(rows[frame.number]["x_raw1"]) - TRIMMED_X,
                        float(rows[frame.number]["y_raw1"]) - FIRST_ROW,
                    )
                    for rows in movers
                ]
            else:
                projection = night.get("difference_image.sky_projection", frame, detector)
                x, y = pixel_positions(
                    projection, np.array([float(variable["ra_deg"])]), np.array([float(variable["dec_deg"])])
                )
                known = [(float(x[0]), float(y[0]))]
            matched = np.zeros(len(sources), dtype=bool)
            for x0, y0 in known:
                matched |= np.hypot(sources["x"] - x0, sources["y"] - y0) <= RADIUS
            counts.append(int((~matched).sum()))
    assert np.median(counts) <= 10, sorted(counts)


def test_the_database_holds_what_the_outputs_say(night: Night) -> None:
    apdb = open_apdb(night.apdb_uri)
    for frame in night.frames:
        for detector in DETECTORS:
            stored = len(night.get("dia_source_apdb", frame, detector))
            assert stored == len(night.accepted(frame, detector))
            assert apdb.containsVisitDetector(frame.exposure, detector) == (stored > 0)
