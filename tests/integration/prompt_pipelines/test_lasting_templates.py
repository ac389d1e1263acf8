"""Templates of one night, and the next night's images compared with them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import vstack
from click.testing import CliRunner, Result
from lsst.daf.butler import Butler
from lsst.pipe.base.mp_graph_executor import MPGraphExecutorError

from domain.runs import all_sky, input_collections
from entrypoints.cli import main
from prompt_pipelines.tangent_plane import TangentPlane
from tests.integration.prompt_pipelines.running import run_pipeline
from tests.integration.prompt_pipelines.several_nights import (
    NANOJANSKY_PER_ELECTRON,
    SUPERNOVA,
    Field,
    Nights,
    places,
)
from workbench.coadds.building import Wanted, build_templates
from workbench.pace import Pace, WorkStoppedError

pytestmark = pytest.mark.slow

FIRST, SECOND, THIRD = 20260313, 20260314, 20260315
ORDINARY = Field(150.0, 2.2)
TRACT_EDGE = Field(150.0, 2.288460721)
FIELDS = {
    "ordinary": ORDINARY,
    "tract's edge": TRACT_EDGE,
    "right ascension 0": Field(0.0, 41.8103148957786),
    "pole": Field(77.0, -89.9995),
}
TASKS = "calibrateVisit,subtractImages,detectDiaSources"


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    return Nights(tmp_path / "repo")


def call(nights: Nights, name: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["templates", name, str(nights.root), *arguments])


def build(nights: Nights, *arguments: str) -> dict[str, Any]:
    result = call(nights, "build", "--json", *arguments)
    assert result.exit_code == 0, result.output
    built: dict[str, Any] = json.loads(result.stdout)
    return built


def differences(nights: Nights, visit: int, night: int, run: str = "compared") -> Butler:
    """Compare a visit with the templates there are; return where the results are."""
    where = f"instrument='TinyCam' AND skymap='TinyCam_sky' AND visit={visit} AND detector=0"
    inputs = [nights.outputs_of(night), "TinyCam/templates", "refcats"]
    assert run_pipeline(nights.root, "ApPipe", where, inputs=inputs, run=run, tasks=TASKS) == 3
    return Butler.from_config(str(nights.root), collections=[run])


@pytest.mark.parametrize("where", FIELDS)
def test_what_was_constant_all_night_is_found_by_the_template_of_the_night_before(
    nights: Nights, where: str
) -> None:
    field = FIELDS[where]
    nights.add_catalogue([field])
    earlier = nights.add(field, FIRST, 6)
    visits = nights.add(field, SECOND, 2, supernova=SUPERNOVA)
    built = build(nights, "--nights", f"..{FIRST}")
    assert built["run"].endswith(f"-until-{FIRST}")
    tracts = {one["tract"] for one in built["built"]}
    assert len(built["built"]) >= 2
    assert len(tracts) > 1 or where == "ordinary"
    for visit in visits:
        with differences(nights, visit, SECOND, f"compared{visit}") as butler:
            data_id = {"instrument": "TinyCam", "visit": visit, "detector": 0}
            facts = butler.get("subtractImages_metadata", data_id)["subtractImages"]
            # Nothing is lost but what an interpolation looks around.
            assert 0.8 < nights.shown(visit, earlier, 4.0) < facts["template_overlap"]
            assert facts["template_overlap"] < nights.shown(visit, earlier) + 0.005
            sources = butler.get("dia_sources", data_id)
            image = butler.get("difference_image", data_id)
        accepted = sources[~np.asarray(sources["flag_rejected"])]
        assert len(accepted) == 1
        x, y = places(image.sky_projection, field)
        assert np.hypot(accepted["x"][0] - x, accepted["y"][0] - y) < 0.3
        flux = SUPERNOVA * NANOJANSKY_PER_ELECTRON
        assert accepted["psf_flux"][0] == pytest.approx(flux, rel=0.05)


def test_nobody_compares_a_visit_with_its_own_night(nights: Nights, caplog: pytest.LogCaptureFixture) -> None:
    nights.add_catalogue([ORDINARY])
    visit, *_ = nights.add(ORDINARY, FIRST, 4)
    build(nights)
    with pytest.raises(MPGraphExecutorError):
        differences(nights, visit, FIRST)
    assert f"A template is not used: the visit's own night is in it, {FIRST}." in caplog.messages
    assert "the template covers 0 % of the usable pixels" in caplog.text


def runs(nights: Nights) -> tuple[list[str], list[str]]:
    """List the runs of templates, and those that workers look into."""
    chain = input_collections("TinyCam").templates
    with nights.butler() as butler:
        known = list(butler.collections.query(f"{chain}*"))
        used = butler.collections.get_info(chain).children if chain in known else ()
    return sorted(set(known) - {chain}), list(used)


def test_templates_get_better_as_nights_add_up_and_else_stay(nights: Nights) -> None:
    elsewhere = Field(210.0, -30.0)
    nights.add_catalogue([ORDINARY, elsewhere])
    nights.add(ORDINARY, FIRST, 4)
    first = build(nights)
    assert {one["reason"] for one in first["built"]} == {"the first"}
    assert all(one["nights"] == [FIRST] for one in first["built"])
    again = build(nights)
    assert again["run"] is None
    kept = [one for one in again["left"] if one["reason"] == "no better than the one there is"]
    assert len(kept) == len(first["built"])
    nights.add(ORDINARY, SECOND, 4)
    nights.add(elsewhere, SECOND, 2, seq_num=10)
    second = build(nights)
    assert any(one["reason"].startswith("deeper by 0.3") for one in second["built"])
    assert any(one["nights"] == [FIRST, SECOND] for one in second["built"])
    assert "too few frames show it: 2, a template takes 3" in {one["reason"] for one in second["left"]}
    assert runs(nights)[1] == [second["run"], first["run"]]
    with nights.butler() as butler:
        one = next(one for one in second["built"] if len(one["nights"]) == 2)
        data_id = {name: one[name] for name in ("skymap", "tract", "patch", "band")}
        image = butler.get("template_coadd", data_id, collections="TinyCam/templates")
    assert image.metadata["template_nights"] == f"{FIRST} {SECOND}"
    assert len(image.metadata["template_frames"].split()) == 8
    listed = json.loads(call(nights, "list", "--json").stdout)
    assert [one["version"] for one in listed if one["patch"] == data_id["patch"]] == [
        run.rpartition("/")[2] for run in (second["run"], first["run"])
    ]
    assert call(nights, "retire", second["run"].rpartition("/")[2]).exit_code == 0
    assert runs(nights)[1] == [first["run"]]
    assert call(nights, "retire", second["run"], "--delete").exit_code == 0
    assert second["run"] not in runs(nights)[0]


def test_what_is_stopped_leaves_nothing_behind(nights: Nights) -> None:
    nights.add_catalogue([ORDINARY])
    nights.add(ORDINARY, FIRST, 6)
    pace = Pace(every=0.0)

    def stop_amid(line: str) -> None:
        if line.startswith("frames resampled: 3 "):
            pace.stop()

    pace.tell = stop_amid
    wanted = Wanted(instrument="TinyCam", skymap=all_sky("TinyCam"))
    with nights.butler() as butler, pytest.raises(WorkStoppedError):
        build_templates(butler, wanted, pace)
    assert runs(nights) == ([], [])
    assert build(nights)["run"] is not None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--nights", "2026-13-01"), "2026-13-01 is no night: write it as 2026-03-14"),
        (("--instrument", "Other"), "Other is no instrument of the repository: there are TinyCam"),
        ((), "no image of TinyCam can have a part in a template: there is none"),
    ],
)
def test_what_cannot_be_built_is_said_in_one_line(
    nights: Nights, arguments: tuple[str, ...], said: str
) -> None:
    result = call(nights, "build", *arguments)
    assert (result.exit_code, result.stderr.strip()) == (1, f"Error: {said}")


def test_without_a_catalogue_no_frame_can_be_calibrated(nights: Nights) -> None:
    nights.add(ORDINARY, FIRST, 3)
    result = call(nights, "build")
    assert "3 images: there is no reference catalogue where it looks" in result.stderr


def test_an_image_with_known_stars_only_beside_it_adds_its_own(nights: Nights) -> None:
    """As of two detectors side by side, of which the first one's stars are known already."""
    nights.add_catalogue([Field(150.0, 2.2 + 47 / 3600)])
    nights.add(ORDINARY, FIRST, 1, seq_num=7)
    result = CliRunner().invoke(main, ["reference-catalogue", "from-images", str(nights.root)])
    assert result.exit_code == 0, result.output


def test_a_camera_whose_sky_is_in_no_catalogue_has_one_of_its_own_images(nights: Nights) -> None:
    """Two nights of two fields, the second of which another catalogue knows in part."""
    elsewhere = Field(150.05, 2.2)
    nights.add_catalogue([elsewhere])
    nights.add(ORDINARY, FIRST, 4)
    visits = nights.add(ORDINARY, SECOND, 2, supernova=SUPERNOVA)
    survey = ["reference-catalogue", "from-images", str(nights.root)]
    result = CliRunner().invoke(main, survey)
    assert result.exit_code == 0, result.output
    build(nights, "--nights", f"..{FIRST}")
    with differences(nights, visits[1], SECOND) as butler:
        data_id = {"instrument": "TinyCam", "visit": visits[1], "detector": 0}
        calibration = butler.get("visit_calibration", data_id)
        sources = butler.get("dia_sources", data_id)
    # All have the same exposure time and transparency: an electron of each is a nanojansky.
    assert calibration["nanojansky_per_electron"] == pytest.approx(1.0, abs=0.02)
    assert calibration["astrometric_scatter_arcsec"] < 0.05
    accepted = sources[~np.asarray(sources["flag_rejected"])]
    assert len(accepted) == 1
    assert accepted["psf_flux"][0] == pytest.approx(SUPERNOVA, rel=0.05)
    with nights.butler() as butler:
        refs = butler.query_datasets("reference_catalogue", "refcats", find_first=True)
        stars = vstack([butler.get(ref) for ref in refs], metadata_conflicts="silent")
    # Those of the other field are there as well, and nothing twice.
    ra, dec, _ = elsewhere.stars()
    for place in zip(ra, dec, strict=True):
        near = np.hypot((stars["ra"] - place[0]) * np.cos(np.radians(place[1])), stars["dec"] - place[1])
        assert np.sum(near * 3600 < 1.0) == 1
    again = CliRunner().invoke(main, survey)
    assert again.exit_code == 1
    assert "no image of TinyCam shows a star that the reference catalogue lacks" in again.stderr


SURVEY_SCALE = 0.09
"""Arcseconds per pixel, finer than the camera's."""


def survey_image(field: Field, folder: Path, name: str = "survey.fits", **cards: str | float) -> Path:
    """Write what another survey shows of a field: finer pixels, a sky, counts of 25.5 mag each."""
    size = 700
    ra, dec, flux = field.stars()
    east, north = TangentPlane(field.ra, field.dec).from_sky(ra, dec).T
    rng = np.random.default_rng(5)
    pixels = 40.0 + rng.normal(0.0, 0.3, (size, size))
    counts = flux * NANOJANSKY_PER_ELECTRON * 10 ** (-0.4 * (31.4 - 25.5))
    y, x = np.mgrid[0:size, 0:size] - (size - 1) / 2.0
    sigma = 0.25 / SURVEY_SCALE
    for here in zip(-east / SURVEY_SCALE, north / SURVEY_SCALE, counts, strict=True):
        pixels += (
            here[2]
            / (2 * np.pi * sigma**2)
            * np.exp(-((x - here[0]) ** 2 + (y - here[1]) ** 2) / (2 * sigma**2))
        )
    header = fits.Header(
        {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": field.ra, "CRVAL2": field.dec}
    )
    header.update({"CRPIX1": (size + 1) / 2.0, "CRPIX2": (size + 1) / 2.0, "RADESYS": "ICRS"})
    header.update(
        {"CDELT1": -SURVEY_SCALE / 3600.0, "CDELT2": SURVEY_SCALE / 3600.0, "MAGZERO": 25.5, **cards}
    )
    path = folder / name
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(pixels.astype(np.float32), header)]).writeto(path)
    return path


def test_images_of_a_survey_are_templates_too(nights: Nights, tmp_path: Path) -> None:
    nights.add_catalogue([ORDINARY])
    (visit,) = nights.add(ORDINARY, FIRST, 1, supernova=SUPERNOVA)
    nights.describe()
    broken = tmp_path / "broken.fits"
    broken.write_bytes(b"SIMPLE  =                    T")
    files = [str(survey_image(ORDINARY, tmp_path)), str(broken)]
    result = call(nights, "add", *files, "--filter", "r_tiny", "--json")
    assert result.exit_code == 0, result.output
    added = json.loads(result.stdout)
    assert [one["file"] for one in added["failed"]] == [str(broken)]
    assert added["added"][0]["seeing_arcsec"] == pytest.approx(0.25 * 2.355, rel=0.1)
    with differences(nights, visit, FIRST) as butler:
        data_id = {"instrument": "TinyCam", "visit": visit, "detector": 0}
        facts = butler.get("subtractImages_metadata", data_id)["subtractImages"]
        sources = butler.get("dia_sources", data_id)
        image = butler.get("difference_image", data_id)
    # Both are nJy.
    assert facts["kernel_sum"] == pytest.approx(1.0, abs=0.05)
    accepted = sources[~np.asarray(sources["flag_rejected"])]
    x, y = places(image.sky_projection, ORDINARY)
    near = np.hypot(accepted["x"] - x, accepted["y"] - y) < 0.3
    assert near.sum() == 1
    assert len(accepted) == 1


@pytest.mark.parametrize(
    ("cards", "options", "said"),
    [
        ({"MAGZERO": "none"}, (), "say --unit or --zero-point"),
        ({}, ("--unit", "furlong"), "furlong is no unit of flux density"),
        ({}, ("--filter", "z"), "z is no filter or band of TinyCam: there are r_tiny, r"),
        ({"CTYPE1": "LINEAR", "CTYPE2": "LINEAR"}, (), "no image in it has a WCS"),
    ],
)
def test_a_file_of_no_use_is_said_in_one_line(
    nights: Nights, tmp_path: Path, cards: dict[str, str], *, options: tuple[str, ...], said: str
) -> None:
    nights.describe()
    path = survey_image(ORDINARY, tmp_path, **cards)
    result = call(nights, "add", str(path), "--filter", "r", *options)
    assert result.exit_code == 1
    assert said in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert runs(nights) == ([], [])
