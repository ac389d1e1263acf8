"""A real night, replayed, against what is known of it: two asteroids and a variable star.

The truth files were measured on these pixels, independently of the pipelines.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from astropy.table import Table
from attrs import frozen
from lsst.daf.butler import Butler

import prompt_processing
from prompt_pipelines.positions import pixel_positions
from tests.integration.night.conftest import Commands
from tests.integration.night.results import chain_of, datasets, numbers
from tests.shared_data import shared_data
from workbench.templates.night_templates import SKYMAPS

DETECTORS = (0, 1)
TRIMMED_X, FIRST_ROW = 18, 601  # of the raw frame's pixels, counted from 1, in the truth files
RADIUS = 2.5  # pixels

pytestmark = [pytest.mark.slow, pytest.mark.timeout(700), pytest.mark.long]


@frozen
class Night:
    """What the replay left."""

    folder: Path
    """Of the raws and the truth."""
    results: Path
    output: str
    left_behind: list[str]
    butler: Butler
    frames: dict[int, str]
    """The frame's number, by exposure."""

    def get(self, name: str, exposure: int, detector: int) -> Any:
        return self.butler.get(name, {"instrument": "Lowell42", "visit": exposure, "detector": detector})

    def accepted(self, exposure: int, detector: int) -> Any:
        sources = self.get("dia_sources", exposure, detector)
        return sources[~np.asarray(sources["flag_rejected"])]

    def truth(self, name: str) -> dict[str, dict[str, str]]:
        with (self.folder / name).open() as file:
            return {row["frame"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    folder = shared_data("lowell-2019-03-26")
    root = tmp_path_factory.mktemp("lowell")
    commands, results = Commands(root), root / "results"
    try:
        options = ("--camera", "lowell", "--speed", "200", "--workers", "1", "--no-console")
        replay = commands.start("replay", str(folder), *options, "--results", str(results)).finish(680)
    finally:
        commands.kill()
    assert replay.code == 0, replay.output
    with Butler.from_config(str(results), writeable=False) as plain:
        chain = chain_of(plain)
    with Butler.from_config(str(results), collections=[chain], writeable=False) as butler:
        frames = {
            record.id: record.name.split(".")[1]
            for record in butler.query_dimension_records("visit", instrument="Lowell42")
        }
        yield Night(folder, results, replay.output, replay.left_behind, butler, frames)


def test_the_night_is_observed_again_and_its_truth_is_found(night: Night) -> None:
    """One test: a night takes minutes, and tests that run side by side do not share what they set up."""
    check_that_all_is_completed_and_kept(night)
    check_that_each_half_has_templates_of_its_own(night)
    check_that_the_asteroids_are_found(night, "truth_A_5945.csv", 12)
    check_that_the_asteroids_are_found(night, "truth_B_mover.csv", 11)
    check_that_the_asteroids_are_linked(night)
    check_that_the_night_s_news_come_first(night)
    check_the_light_curve_of_the_variable(night)
    check_that_photometry_of_a_place_agrees(night)
    check_that_little_else_is_found(night)
    check_that_the_database_holds_what_the_outputs_say(night)


def check_that_all_is_completed_and_kept(night: Night) -> None:
    assert "Lowell42: 12 visits, 24 visit-detectors" in night.output
    assert "outcomes: 24 completed" in night.output
    assert "made 4 templates from the night itself" in night.output
    assert night.output.count("completed (ApPipe)") == 24
    found = datasets(night.results)
    assert found["preliminary_visit_image"] == found["single_visit_sources"] == 24
    assert found["difference_image"] == 24
    (often,) = numbers(r"objects seen at least 4 times: (\d+)", night.output)
    assert often == len(Table.read(night.results / "dia_objects.ecsv")) > 0
    assert (night.results / "cutouts.png").read_bytes().startswith(b"\x89PNG")
    assert night.left_behind == []


def check_that_each_half_has_templates_of_its_own(night: Night) -> None:
    with night.butler.clone(collections="Lowell42/defaults") as butler:
        one, other = (
            butler.get("template_coadd", skymap=skymap, tract=0, patch=0, band="r") for skymap in SKYMAPS
        )
        catalogue = [butler.get(ref) for ref in butler.query_datasets("reference_catalogue")]
    assert one.image.array.shape == other.image.array.shape == (400, 1365)
    assert not np.array_equal(one.image.array, other.image.array)
    # The same sky: stars agree to a few per cent in sum.
    usable = ~one.mask.get("NO_DATA") & ~other.mask.get("NO_DATA")
    bright = usable & (one.image.array > 1000)
    assert other.image.array[bright].sum() == pytest.approx(one.image.array[bright].sum(), rel=0.1)
    assert sum(len(table) for table in catalogue) > 50


def check_that_the_asteroids_are_found(night: Night, name: str, wanted: int) -> None:
    truth = night.truth(name)
    distances = {
        number: _distance(night, exposure, truth[number]) for exposure, number in night.frames.items()
    }
    found = [number for number, distance in distances.items() if distance <= RADIUS]
    assert len(distances) == 12
    assert len(found) >= wanted, distances


def check_that_the_asteroids_are_linked(night: Night) -> None:
    with prompt_processing.open(night.results) as results:
        tracklets = results.tracklets
        assert len(tracklets) <= 6
        for name, rate in (("truth_A_5945.csv", 9.3), ("truth_B_mover.csv", 15.0)):
            row = night.truth(name)["0157"]  # in the middle of the night
            away = np.hypot(
                (tracklets["ra"] - float(row["fit_ra_deg"])) * np.cos(np.radians(tracklets["dec"])),
                tracklets["dec"] - float(row["fit_dec_deg"]),
            )
            found = tracklets[np.argmin(away)]
            assert found["sightings"] >= 11
            assert found["rate"] * 60 == pytest.approx(rate, rel=0.02)
            assert found["rms"] < 0.3
            assert f"ra {found['ra']:.5f}" in night.output


def check_that_the_night_s_news_come_first(night: Night) -> None:
    variable = next(iter(night.truth("truth_V1_lightcurve.csv").values()))
    with prompt_processing.open(night.results) as results:
        first = results.findings[:5]
    assert list(first["label"][:2]) == ["moves", "moves"]
    stars = first[first["label"] == "variable"]
    away = np.hypot(stars["ra"] - float(variable["ra_deg"]), stars["dec"] - float(variable["dec_deg"]))
    assert away.min() < 2.0 / 3600.0


def _place(row: dict[str, str]) -> tuple[float, float]:
    return float(row["x_raw1"]) - TRIMMED_X, float(row["y_raw1"]) - FIRST_ROW


def _distance(night: Night, exposure: int, row: dict[str, str]) -> float:
    sources, (x, y) = night.accepted(exposure, 0), _place(row)
    return float(np.min(np.hypot(sources["x"] - x, sources["y"] - y), initial=np.inf))


def check_the_light_curve_of_the_variable(night: Night) -> None:
    truth = night.truth("truth_V1_lightcurve.csv")
    first = next(iter(truth.values()))
    forced = _light_curve(night, float(first["ra_deg"]), float(first["dec_deg"]))
    assert len(forced) >= 8
    known = np.array([float(truth[night.frames[visit]]["rel_flux"]) for visit in forced["visit"]])
    flux = forced["scienceFlux"].to_numpy(dtype=float)
    flux = flux / np.median(flux / known)
    # Magnitudes of the range, brightest to faintest, over the visits since it became an object.
    assert np.ptp(-2.5 * np.log10(flux)) == pytest.approx(np.ptp(-2.5 * np.log10(known)), rel=0.2)
    assert np.corrcoef(flux, known)[0, 1] > 0.95


def _light_curve(night: Night, ra: float, dec: float) -> pd.DataFrame:
    tables = [night.get("dia_forced_source_apdb", exposure, 1) for exposure in night.frames]
    forced = pd.concat([table for table in tables if len(table)], ignore_index=True)
    east = (forced["ra"] - ra) * np.cos(np.radians(dec)) * 3600
    near = forced[np.hypot(east, (forced["dec"] - dec) * 3600) < 2.0]
    # The object of the variable itself, should a neighbour have made one too.
    longest = near["diaObjectId"].value_counts().idxmax()
    return near[near["diaObjectId"] == longest].sort_values("midpointMjdTai")


def check_that_photometry_of_a_place_agrees(night: Night) -> None:
    first = next(iter(night.truth("truth_V1_lightcurve.csv").values()))
    forced = _light_curve(night, float(first["ra_deg"]), float(first["dec_deg"]))
    row = forced.iloc[len(forced) // 2]
    with prompt_processing.open(night.results) as results:
        found = results.photometry(row["ra"], row["dec"])
        brightness = results.image(int(row["visit"]), 1).nanojansky
        assert results.image(int(row["visit"]), 1, "difference").nanojansky == 1.0
        nowhere = results.photometry(row["ra"] + 10.0, row["dec"])
    assert len(found) == 12
    assert len(nowhere) == 0
    calibration = night.get("visit_calibration", int(row["visit"]), 1)
    assert brightness == pytest.approx(calibration["nanojansky_per_electron"])
    (same,) = found[found["visit"] == row["visit"]]
    for ours, theirs in (("flux", "psfFlux"), ("flux_err", "psfFluxErr"), ("science_flux", "scienceFlux")):
        assert same[ours] == pytest.approx(row[theirs], rel=1e-6)
    assert same["limit"] == pytest.approx(31.4 - 2.5 * np.log10(5.0 * same["flux_err"]))


def check_that_little_else_is_found(night: Night) -> None:
    movers = [night.truth("truth_A_5945.csv"), night.truth("truth_B_mover.csv")]
    variable = next(iter(night.truth("truth_V1_lightcurve.csv").values()))
    counts = []
    for exposure, number in night.frames.items():
        projection = night.get("difference_image.sky_projection", exposure, 1)
        x, y = pixel_positions(
            projection, np.array([float(variable["ra_deg"])]), np.array([float(variable["dec_deg"])])
        )
        for detector, known in ((0, [_place(rows[number]) for rows in movers]), (1, [(x[0], y[0])])):
            sources = night.accepted(exposure, detector)
            matched = np.zeros(len(sources), dtype=bool)
            for x0, y0 in known:
                matched |= np.hypot(sources["x"] - x0, sources["y"] - y0) <= RADIUS
            counts.append(int((~matched).sum()))
    # Two bodies that no truth file names are among them.
    assert np.median(counts) <= 2, sorted(counts)


def check_that_the_database_holds_what_the_outputs_say(night: Night) -> None:
    stored = Table.read(night.results / "dia_sources.ecsv")  # as the replay read them back from the APDB
    for exposure in night.frames:
        for detector in DETECTORS:
            rows = stored[(stored["visit"] == exposure) & (stored["detector"] == detector)]
            accepted = night.accepted(exposure, detector)
            assert len(night.get("dia_source_apdb", exposure, detector)) == len(accepted) == len(rows)
