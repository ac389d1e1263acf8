"""Masters from files into a repository, certified and withdrawn, by the commands."""

import json
import shutil
from collections.abc import Callable
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from astropy.io import fits
from astropy.time import Time
from click.testing import CliRunner, Result
from lsst.daf.butler import Butler, Timespan
from PIL import Image

from adapters.files.cameras import load_camera
from entrypoints.cli import main
from tests.unit.simulator.recorded import spoil, write_night
from workbench.masters.building import build_masters
from workbench.masters.calibration_repository import CalibrationRepository
from workbench.pace import Pace, WorkStoppedError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The simulated camera with one detector of a quarter of its size."""
    content = yaml.safe_load((files("cameras") / "simulated.yaml").read_text())
    content["detectors"] = content["detectors"][4:5]
    kind = content["detector_types"]["ccd"]
    kind["nx"], kind["ny"] = 128, 100
    sections = (("[1:64,1:100]", "[129:136,1:100]"), ("[65:128,1:100]", "[137:144,1:100]"))
    for amplifier, (data, overscan) in zip(kind["amplifiers"], sections, strict=True):
        amplifier.update(data=data, image=data, overscan=overscan)
    file = tmp_path_factory.mktemp("camera") / "small.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


@pytest.fixture(scope="module")
def frames(camera: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("frames")
    write_night(folder, load_camera(camera), lights=1, biases=5, darks=4, flats=3, dark_current=3.0)
    return folder


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.chdir(tmp_path)
    runner = CliRunner(env={"COLUMNS": "200"})
    return lambda *arguments: runner.invoke(main, ["calibrations", *map(str, arguments)])


def _build(call: Callable[..., Result], camera: Path, *frames: Path, name: str = "first") -> dict[str, Any]:
    result = call("build", *frames, "--camera", camera, "--into", "repo", "--name", name, "--json")
    assert result.exit_code == 0, result.output
    made: dict[str, Any] = json.loads(result.stdout)
    return made


def _floating(frame: Path) -> Path:
    """Write a processed copy of a raw."""
    with fits.open(frame) as hdus:
        copy = frame.with_name(f"processed-{frame.name}")
        fits.PrimaryHDU(hdus[0].data.astype(np.float32), hdus[0].header).writeto(copy)
    return copy


def test_processed_copies_of_raws_make_no_master(
    call: Callable[..., Result], camera: Path, frames: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    for number in range(3):
        shutil.copy(frames / f"bias{number}.fits", mine)
    copy = _floating(mine / "bias1.fits")
    (bias,) = _build(call, camera, mine)["masters"]
    assert bias["frames"] == 3
    assert any(str(copy) in line and "processed copy" in line for line in caplog.messages)


@pytest.mark.parametrize(
    "stage",
    ["reading headers", "reading flat frames", "making masters", "storing masters", "drawing masters"],
)
def test_masters_are_stored_all_or_not_at_all_if_the_work_is_stopped(
    stage: str, camera: Path, frames: Path, tmp_path: Path
) -> None:
    told: list[str] = []

    def tell(line: str) -> None:
        told.append(line)
        # A second step of the stage is the one that ends it.
        if line.startswith(stage):
            pace.stop()

    pace, root = Pace(tell, every=0.0), tmp_path / "repo"
    run = "SimCam/calib/first"
    build = partial(
        build_masters,
        [frames],
        load_camera(str(camera)),
        {},
        str(root),
        run=run,
        pictures=tmp_path / "pictures",
    )
    with pytest.raises(WorkStoppedError):
        build(pace=pace)
    assert any(line.startswith(stage) for line in told)
    stored = sorted(root.glob("**/*bias*.fits"))
    if stage == "drawing masters":
        assert stored
        with CalibrationRepository(str(root)) as repository:
            assert len(repository.masters()) == 4
    else:
        assert not stored
        # Nothing of it is in the way of the next.
        assert len(build().masters) == 4


def _used(dataset_type: str, when: str, **data_id: str) -> str | None:
    with Butler.from_config("repo") as butler:
        moment = Time(when, scale="utc").tai
        ref = butler.find_dataset(
            dataset_type,
            {"instrument": "SimCam", **({} if dataset_type == "camera" else {"detector": 4}), **data_id},
            collections="SimCam/defaults",
            timespan=Timespan.fromInstant(moment),
        )
        return None if ref is None else ref.run


def test_masters_are_made_with_figures_and_pictures(
    call: Callable[..., Result], camera: Path, frames: Path
) -> None:
    made = _build(call, camera, frames)
    figures = {one["type"]: one for one in made["masters"]}
    assert [(kind, one["frames"]) for kind, one in figures.items()] == [
        ("bias", 5),
        ("dark", 4),
        ("flat", 3),
        ("defects", 0),
    ]
    assert not any(one["failures"] for one in figures.values()), figures
    assert abs(figures["bias"]["level"]) < 10
    assert figures["dark"]["level"] == pytest.approx(3.0, rel=0.05)
    assert figures["dark"]["unit"] == "electron / s"
    assert figures["dark"]["outliers"] > 5
    assert figures["flat"]["level"] == pytest.approx(40_000, rel=0.1)
    assert figures["flat"]["unusable"] == 200
    # Two bad columns, and hot pixels.
    assert 200 + 0.001 * 128 * 100 < figures["defects"]["unusable"] < 200 + 0.004 * 128 * 100
    for name in ("bias-4", "dark-4", "flat-4-r_sim", "defects-4"):
        with Image.open(Path("calibrations/first") / f"{name}.png") as picture:
            assert picture.size == (128, 100)
    assert _used("bias", "2026-03-14") is None


def test_certified_masters_are_used_for_their_time_until_they_are_withdrawn(
    call: Callable[..., Result], camera: Path, frames: Path
) -> None:
    _build(call, camera, frames)
    result = call("certify", "repo", "first", "--from", "2026-03-01", "--until", "2026-04-01")
    assert result.exit_code == 0, result.output
    assert "bias of detector 4, dark of detector 4, flat of detector 4 in r_sim, defects" in result.output
    assert _used("bias", "2026-02-28") is None
    assert _used("bias", "2026-03-14") == "SimCam/calib/first"
    assert _used("camera", "2026-03-14") == "SimCam/calib/first"
    assert _used("flat", "2026-03-14", physical_filter="r_sim") == "SimCam/calib/first"
    assert call("withdraw", "repo", "first", "--from", "2026-03-10", "--type", "flat").exit_code == 0
    assert _used("flat", "2026-03-09", physical_filter="r_sim") == "SimCam/calib/first"
    assert _used("flat", "2026-03-14", physical_filter="r_sim") is None
    assert _used("bias", "2026-03-14") == "SimCam/calib/first"
    listed = {one["type"]: one for one in json.loads(call("list", "repo", "--json").stdout)}
    assert [span["until"][:10] for span in listed["flat"]["used"]] == ["2026-03-10"]
    assert [span["until"][:10] for span in listed["bias"]["used"]] == ["2026-04-01"]
    assert listed["dark"]["quality"]["frames"] == 4
    assert "from 2026-03-01T00:00:00 until 2026-03-10T00:00:00" in call("list", "repo").stdout


def test_what_a_person_knows_of_a_detector_is_stored_with_the_masters(
    call: Callable[..., Result], camera: Path, frames: Path
) -> None:
    known = Path("known.yaml")
    known.write_text(
        "detectors:\n  R22_S11:\n    defects: ['[5:6,7:7]']\n"
        "    linearity: {C00: {polynomial: [1.0e-7]}}\n    crosstalk: {matrix: [[0, 1.0e-4], [0, 0]]}\n"
    )
    biases = [frames / f"bias{number}.fits" for number in range(3)]
    result = call(
        "build", *biases, "--camera", camera, "--into", "repo", "--name", "a", "--corrections", known
    )
    assert result.exit_code == 0, result.output
    assert call("certify", "repo", "a").exit_code == 0
    with Butler.from_config("repo", collections="SimCam/calib/a") as butler:
        assert butler.get("defects", instrument="SimCam", detector=4) == {"boxes": [[4, 6, 6, 7]]}
    assert {_used(kind, "2026-03-14") for kind in ("linearity", "crosstalk")} == {"SimCam/calib/a"}


def test_flats_are_corrected_by_the_bias_that_is_certified(
    call: Callable[..., Result], camera: Path, frames: Path
) -> None:
    flats = [frames / f"flat{number}.fits" for number in range(3)]
    _build(call, camera, *(frames / f"bias{number}.fits" for number in range(5)), *flats, name="whole")
    assert [one["type"] for one in _build(call, camera, *flats, name="alone")["masters"]] == [
        "flat",
        "defects",
    ]
    assert call("certify", "repo", "whole", "--type", "bias").exit_code == 0
    assert [one["type"] for one in _build(call, camera, *flats, name="with")["masters"]] == [
        "flat",
        "defects",
    ]
    with Butler.from_config("repo") as butler:
        whole, alone, corrected = (
            butler.get(
                "flat",
                instrument="SimCam",
                detector=4,
                physical_filter="r_sim",
                collections=f"SimCam/calib/{name}",
            ).array
            for name in ("whole", "alone", "with")
        )
    np.testing.assert_array_equal(corrected, whole)
    assert np.nanmax(np.abs(alone - whole)) > 1e-4


def test_newer_masters_take_the_place_of_older_ones(
    call: Callable[..., Result], camera: Path, frames: Path
) -> None:
    _build(call, camera, frames)
    _build(call, camera, frames, name="second")
    assert call("certify", "repo", "first").exit_code == 0
    refused = call("certify", "repo", "second", "--from", "2026-06-01")
    assert refused.exit_code == 1
    assert "other masters for that time" in refused.output
    assert call("certify", "repo", "second", "--from", "2026-06-01", "--replace").exit_code == 0
    assert (_used("bias", "2026-05-31"), _used("bias", "2026-06-01")) == (
        "SimCam/calib/first",
        "SimCam/calib/second",
    )


def test_a_master_that_fails_its_checks_is_certified_by_force_alone(
    call: Callable[..., Result], camera: Path, frames: Path
) -> None:
    made = _build(
        call,
        camera,
        *(frames / name for name in ("bias0.fits", "bias1.fits", "bias2.fits")),
        *(frames / f"flat{number}.fits" for number in range(2)),
    )
    figures = {one["type"]: one["failures"] for one in made["masters"]}
    assert figures == {"bias": [], "flat": ["2 frames: it takes 3"], "defects": []}
    result = call("certify", "repo", "first")
    assert result.exit_code == 0
    assert "not certified: flat of detector 4 in r_sim: 2 frames: it takes 3" in result.output
    assert _used("flat", "2026-03-14", physical_filter="r_sim") is None
    alone = call("certify", "repo", "first", "--type", "flat")
    assert alone.exit_code == 1
    assert "no master has passed its checks" in alone.output
    assert call("certify", "repo", "first", "--type", "flat", "--force").exit_code == 0
    assert _used("flat", "2026-03-14", physical_filter="r_sim") == "SimCam/calib/first"


@pytest.mark.parametrize(("kind", "failure"), [("noisy", "noise of"), ("speckled", "outliers")])
def test_biases_that_are_none_are_told(
    kind: str, failure: str, call: Callable[..., Result], camera: Path, frames: Path
) -> None:
    random = np.random.default_rng(0)

    def worse(_: fits.Header, pixels: np.ndarray) -> np.ndarray:
        if kind == "noisy":
            return np.asarray(pixels + random.integers(0, 60, pixels.shape, np.uint16))
        return np.where(np.random.default_rng(0).random(pixels.shape) < 0.05, 9000, pixels)

    paths = [Path(f"bias{number}.fits") for number in range(5)]
    for path in paths:
        path.write_bytes((frames / path.name).read_bytes())
        spoil(path, worse)
    (bias,) = _build(call, camera, *paths)["masters"]
    assert [failure in text for text in bias["failures"]] == [True]


def test_what_cannot_be_done_is_one_line(call: Callable[..., Result], camera: Path, frames: Path) -> None:
    spoilt = Path("flat0.fits")
    spoilt.write_bytes((frames / "flat0.fits").read_bytes())
    spoil(spoilt, lambda _, pixels: np.full_like(pixels, 1000))
    into = ("--camera", camera, "--into", "repo")
    _refused(call("build", spoilt, *into), "no master can be made: no usable flat fields")
    _refused(call("build", frames / "light0.fits", *into), "no bias, dark or flat frames")
    _refused(call("list", "nowhere"), "nowhere is no repository")
    assert not Path("repo").exists()
    _build(call, camera, frames)
    _refused(call("build", frames, *into, "--name", "first"), "has a run SimCam/calib/first already")
    _refused(call("certify", "repo", "third"), "third is no run of masters; there are SimCam/calib/first")
    _refused(call("certify", "repo", "first", "--detector", "7"), "SimCam/calib/first holds no such master")
    _refused(call("certify", "repo", "first", "--from", "2026-03-02", "--until", "2026-03-01"), "is no time")


def _refused(result: Result, said: str) -> None:
    assert (result.exit_code, type(result.exception)) == (1, SystemExit)
    assert said in result.output.splitlines()[-1]


def test_masters_are_used_until_the_next_of_their_kind(
    call: Callable[..., Result], camera: Path, frames: Path
) -> None:
    biases = [frames / f"bias{number}.fits" for number in range(3)]
    for name, begin in (("b", "2026-03-10"), ("d", "2026-03-20"), ("a", "2026-03-01"), ("c", "2026-03-15")):
        _build(call, camera, *biases, name=name)
        result = call("certify", "repo", name, "--from", begin, "--until-next", "--replace")
        assert result.exit_code == 0, result.output
    for day, run in (("02-28", None), ("03-05", "a"), ("03-12", "b"), ("03-17", "c"), ("03-25", "d")):
        assert _used("bias", f"2026-{day}") == (run and f"SimCam/calib/{run}"), day
    # The same night's again, with more frames.
    _build(call, camera, *biases, name="b-again")
    assert (
        call("certify", "repo", "b-again", "--from", "2026-03-10", "--until-next", "--replace").exit_code == 0
    )
    for day, run in (("03-05", "a"), ("03-12", "b-again"), ("03-17", "c")):
        assert _used("bias", f"2026-{day}") == f"SimCam/calib/{run}", day
