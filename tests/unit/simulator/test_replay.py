"""Folders of raws, and the nights that are made of them."""

import json
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from astropy.io import fits
from attrs import evolve

from adapters.files.cameras import load_camera
from domain.cameras.camera import Camera, RawKeyScheme
from domain.cameras.camera_dict import camera_as_dict
from domain.raws.exposure import Exposure
from domain.raws.raws import parse_raw_key
from domain.times import TaiSeconds, UtcSeconds, tai_from_utc
from prompt_pipelines.assembly import assemble
from prompt_pipelines.camera import CameraDict, find_detector
from simulator.errors import SimulatorError
from simulator.world.cards import header_cards
from tests.unit.simulator.cameras import make_camera
from tests.unit.simulator.recorded import write_night
from workbench.pace import Pace, WorkStoppedError
from workbench.recorded_frames import read_frames
from workbench.replay import recorded_night

CAMERA = make_camera()
THE_PAST = tai_from_utc(UtcSeconds(1_553_569_414.5))
DETECTORS = (0, 5)
CHIPS = [fits.ImageHDU(np.zeros((160, 236), np.uint16), name=f"CHIP{number}") for number in (1, 2)]
TABLE = fits.BinTableHDU.from_columns([fits.Column("a", "J", array=np.arange(3))])


def write_frame(
    folder: Path, camera: Camera, *, detector: int, number: int, kind: str, group: str = "", snap: int = 0
) -> Path:
    exposure = Exposure(
        instrument=camera.instrument,
        detector=detector,
        exposure=2019032600000 + number,
        obs_id=f"TC_O_20190326_{number:06d}",
        group=group or f"group {number}",
        snap=snap,
        day_obs=20190326,
        seqnum=number,
        physical_filter="r_test",
        exposure_time=300.0,
        begin=TaiSeconds(THE_PAST + 400 * number),
        end=TaiSeconds(THE_PAST + 400 * number + 300),
        ra=124.6,
        dec=25.3,
        sky_angle=2.28,
        observation_type=kind,
    )
    hdu = fits.PrimaryHDU(np.full((160, 236), number, dtype=np.uint16))
    hdu.header.update(header_cards(camera, exposure))
    path = folder / kind / f"{number:04d}_d{detector}.fits"
    path.parent.mkdir(parents=True, exist_ok=True)
    hdu.writeto(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for detector in DETECTORS:
        for number, kind in enumerate(["bias", "bias", "flat", "science", "science"], start=1):
            write_frame(tmp_path, CAMERA, detector=detector, number=number, kind=kind)
    return tmp_path


def test_science_exposures_become_visits_in_time_order(folder: Path) -> None:
    write_frame(folder, CAMERA, detector=0, number=0, kind="science")
    plan, _ = recorded_night(folder, CAMERA)
    assert [visit.group for visit in plan.visits] == ["group 0", "group 4", "group 5"]
    assert [visit.detectors for visit in plan.visits] == [(0,), DETECTORS, DETECTORS]
    visit = plan.visits[-1]
    assert (visit.ra, visit.dec, visit.sky_angle) == pytest.approx((124.6, 25.3, 2.28))
    assert (visit.physical_filter, visit.exposure_time, visit.snaps) == ("r_test", 300.0, 1)


def test_reading_is_told_frame_by_frame_and_ends_when_told_to(folder: Path) -> None:
    told: list[str] = []
    pace = Pace(told.append, every=0.0)
    plan, night = recorded_night(folder, CAMERA, pace=pace)
    assert told[-1].startswith("reading headers: 9 of 10, ")
    assert len(plan.calibrations.biases(DETECTORS[0])) == 2
    assert told[-1].startswith("reading bias frames: 1")
    pace.stop()
    with pytest.raises(WorkStoppedError):
        plan.calibrations.flats(DETECTORS[0], "r_test")
    with pytest.raises(WorkStoppedError):
        night.frame(plan.visits[0], DETECTORS[0])
    with pytest.raises(WorkStoppedError):
        recorded_night(folder, CAMERA, pace=pace)


def test_exposures_of_one_group_are_its_snaps(folder: Path) -> None:
    for snap in (0, 1):
        write_frame(folder, CAMERA, detector=0, number=10 + snap, kind="science", group="double", snap=snap)
    plan, _ = recorded_night(folder, CAMERA)
    assert (plan.visits[-1].group, plan.visits[-1].snaps) == ("double", 2)
    (second,) = plan.raws.take(plan.visits[-1], 1, THE_PAST, THE_PAST)
    assert second.key.endswith("TC_O_20190326_000011_R22_S00.fits")


def test_what_is_played_are_the_bytes_of_the_files(folder: Path) -> None:
    plan, _ = recorded_night(folder, CAMERA)
    raws = list(plan.raws.take(plan.visits[0], 0, THE_PAST, THE_PAST))
    assert [raw.detector for raw in raws] == list(DETECTORS)
    assert raws[1].body == (folder / "science" / "0004_d5.fits").read_bytes()
    assert raws[1].key == "TestCam/20190326/TC_O_20190326_000004/TC_O_20190326_000004_R22_S12.fits"
    assert raws[1].sidecar_key == raws[1].key.removesuffix("fits") + "json"
    assert json.loads(raws[1].sidecar)["GROUPID"] == "group 4"


def test_keys_that_hold_the_group_keep_the_file_name(tmp_path: Path) -> None:
    camera = make_camera(scheme=RawKeyScheme.GROUPED)
    for number, kind in enumerate(["bias", "flat", "science"]):
        write_frame(tmp_path, camera, detector=0, number=number, kind=kind)
    plan, _ = recorded_night(tmp_path, camera)
    (raw,) = plan.raws.take(plan.visits[0], 0, THE_PAST, THE_PAST)
    key = parse_raw_key(camera, raw.key)
    assert key is not None
    assert (key.group, key.snap, raw.key.rpartition("/")[2]) == ("group 2", 0, "0002_d0.fits")
    assert raw.sidecar_key is None


@pytest.mark.parametrize(
    ("suffix", "told"),
    [
        (".fit", ".fits"),
        (".fts", ".fits"),
        (".FITS", ".fits"),
        (".Fit.FZ", ".fits.fz"),
        (".fts.gz", ".fits.gz"),
        (".FITS.GZ", ".fits.gz"),
    ],
)
def test_a_file_is_played_whatever_the_suffix_that_its_writer_liked(
    suffix: str, told: str, tmp_path: Path
) -> None:
    camera = make_camera(scheme=RawKeyScheme.GROUPED)
    for number, kind in enumerate(["bias", "flat", "science"]):
        path = write_frame(tmp_path, camera, detector=0, number=number, kind=kind)
        path.rename(path.with_suffix(suffix))
    plan, _ = recorded_night(tmp_path, camera)
    (raw,) = plan.raws.take(plan.visits[0], 0, THE_PAST, THE_PAST)
    assert raw.key.rpartition("/")[2] == f"0002_d0{told}"
    assert parse_raw_key(camera, raw.key) is not None


def test_frames_of_a_kind_that_the_camera_file_does_not_know_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number, kind in enumerate(["science", "light frame", "light frame", "bias"]):
        write_frame(tmp_path, CAMERA, detector=0, number=number, kind=kind)
    plan, _ = recorded_night(tmp_path, CAMERA)
    assert len(plan.visits) == 1
    (line,) = [line for line in caplog.messages if "nothing is made of frames" in line]
    assert re.search(r"0001_d0\.fits and 1 more: nothing is made of frames of kind 'light frame'", line)


@pytest.mark.parametrize("name", ["a.fits.bz2", "a.FIT.Z", "a.fts.part", "a.fits~", "a.raw"])
def test_files_that_are_frames_but_not_read_are_named(
    name: str, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fits.PrimaryHDU(np.zeros((2, 2))).writeto(folder / "frame.fits")
    (folder / "frame.fits").rename(folder / name)
    read_frames(folder, CAMERA)
    assert [line for line in caplog.messages if f"{name} is left out: what is read ends in .fits" in line]


@pytest.mark.parametrize("name", ["notes.txt", "fits", ".fits", "sky.fits.txt", "list.fitsx", "raw.fits.bz2"])
def test_other_files_are_none_of_the_night(name: str, folder: Path) -> None:
    (folder / name).write_text("not a frame")
    assert "0 unreadable" in str(read_frames(folder, CAMERA))


def test_calibration_frames_are_those_of_detector_and_filter(folder: Path) -> None:
    write_frame(folder, CAMERA, detector=0, number=6, kind="dark")
    plan, _ = recorded_night(folder, CAMERA)
    assert [int(frame.pixels[0, 0]) for frame in plan.calibrations.biases(5)] == [1, 2]
    assert [int(frame.pixels[0, 0]) for frame in plan.calibrations.flats(0, "r_test")] == [3]
    assert [(int(one.pixels[0, 0]), one.exposure_time) for one in plan.calibrations.darks(0)] == [(6, 300.0)]
    assert not plan.calibrations.flats(0, "g_test")
    assert not plan.calibrations.darks(5)


def test_frames_are_played_without_calibration_frames_which_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for detector in DETECTORS:
        for number in (1, 3):
            write_frame(tmp_path, CAMERA, detector=detector, number=number, kind="science")
    write_frame(tmp_path, CAMERA, detector=0, number=2, kind="bias")
    assert [visit.detectors for visit in recorded_night(tmp_path, CAMERA)[0].visits] == [DETECTORS, DETECTORS]
    assert sorted(caplog.messages) == [
        f"no bias frames of detector 5: {tmp_path}/science/0001_d5.fits and 1 more are processed without",
        *(
            f"no flat fields of detector {detector} in r_test: "
            f"{tmp_path}/science/0001_d{detector}.fits and 1 more are processed without"
            for detector in DETECTORS
        ),
    ]


def test_a_camera_without_flats_is_not_told_that_it_has_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_frame(tmp_path, CAMERA, detector=0, number=1, kind="science")
    _, night = recorded_night(tmp_path, evolve(CAMERA, calibrations=("dark",)))
    assert [line.partition(":")[0] for line in caplog.messages] == ["no dark frames of detector 0"]
    assert night.missing == ("frames processed without: 1, no dark frames of detector 0",)


def test_a_science_frame_that_cannot_be_named_costs_itself_alone(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    odd = {
        "unlisted": ("FILTER", "H_test", "'H_test' is no filter of TestCam"),
        "unnamed": ("OBSID", "TC_O_20190326", "no observation id"),
    }
    for name, (card, value, _) in odd.items():
        with fits.open(folder / "science" / "0004_d0.fits") as hdus:
            hdus[0].header[card] = value
            hdus.writeto(folder / f"{name}.fits")
    plan, _ = recorded_night(folder, CAMERA)
    assert [visit.detectors for visit in plan.visits] == [DETECTORS, DETECTORS]
    for line, (name, (_, _, said)) in zip(sorted(caplog.messages), odd.items(), strict=True):
        assert re.search(rf"{name}\.fits is left out: .*{said}", line)


def test_a_calibration_frame_that_cannot_be_read_costs_itself_alone(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plan, _ = recorded_night(folder, CAMERA)
    (folder / "bias" / "0001_d5.fits").write_bytes(b"overwritten")
    (folder / "flat" / "0003_d5.fits").unlink()
    assert [int(frame.pixels[0, 0]) for frame in plan.calibrations.biases(5)] == [2]
    with pytest.raises(SimulatorError, match="no flat fields of detector 5 in r_test can be read"):
        plan.calibrations.flats(5, "r_test")
    assert re.search(r"0001_d5\.fits is left out: not a whole FITS file", caplog.messages[0])


def test_a_file_that_is_gone_when_its_visit_is_played_costs_itself_alone(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plan, _ = recorded_night(folder, CAMERA)
    (folder / "science" / "0004_d0.fits").unlink()
    raws = list(plan.raws.take(plan.visits[0], 0, THE_PAST, THE_PAST))
    assert [raw.detector for raw in raws] == [5]
    assert re.search(r"0004_d0\.fits is left out: .*No such file", caplog.text)


def test_unreadable_files_are_named_and_left_out(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "noise.fits").write_bytes(b"no fits at all")
    (folder / "short.fits").write_bytes((folder / "science" / "0004_d0.fits").read_bytes()[:1000])
    with fits.open(folder / "science" / "0004_d0.fits") as hdus:
        hdus[0].header["INSTRUME"] = "Other"
        hdus.writeto(folder / "foreign.fits")
    with caplog.at_level(logging.WARNING):
        plan, _ = recorded_night(folder, CAMERA)
    assert [visit.detectors for visit in plan.visits] == [DETECTORS, DETECTORS]
    named = [name for name in ("noise", "short", "foreign") if f"{name}.fits is left out" in caplog.text]
    assert named == ["noise", "short", "foreign"]


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        (lambda hdus: fits.HDUList([hdus[0], *CHIPS]), r"several .*HDU 1 CHIP1 .*HDU 2 CHIP2"),
        (lambda hdus: fits.HDUList([fits.PrimaryHDU(header=hdus[0].header)]), "none of its HDUs is an image"),
        (lambda _: fits.HDUList([fits.PrimaryHDU(), TABLE]), "none of its HDUs is an image"),
        (lambda _: fits.HDUList([fits.PrimaryHDU(np.ones((4, 5, 6)))]), "none of its HDUs is an image"),
        (lambda hdus: _of(hdus, hdus[0].data[::2, ::2]), "118 x 80 pixels, where at least 236 x 160 belong"),
    ],
    ids=["chips", "header alone", "table", "cube", "binned"],
)
def test_a_file_without_the_image_of_a_detector_is_left_out_by_name(
    odd: Callable[[fits.HDUList], fits.HDUList], said: str, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with fits.open(folder / "science" / "0004_d0.fits") as hdus:
        odd(hdus).writeto(folder / "odd.fits")
    plan, _ = recorded_night(folder, CAMERA)
    assert [visit.detectors for visit in plan.visits] == [DETECTORS, DETECTORS]
    (line,) = caplog.messages
    assert re.search(rf"odd\.fits is left out: .*{said}", line)


def _of(hdus: fits.HDUList, pixels: np.ndarray) -> fits.HDUList:
    return fits.HDUList([fits.PrimaryHDU(pixels, hdus[0].header)])


def test_a_card_that_is_no_fits_spoils_no_frame(folder: Path) -> None:
    path = folder / "science" / "0004_d0.fits"
    card = b"AIRMASS =                  NaN".ljust(80)
    path.write_bytes(path.read_bytes().replace(b"END".ljust(160), card + b"END".ljust(80), 1))
    assert len(recorded_night(folder, CAMERA)[0].visits) == 2


def test_a_folder_that_is_not_there_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(SimulatorError, match="nowhere is not a folder"):
        recorded_night(tmp_path / "nowhere", CAMERA)


def test_a_folder_without_frames_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(SimulatorError, match="holds no frame of TestCam"):
        recorded_night(tmp_path, CAMERA)


def test_a_night_without_science_is_an_error(folder: Path) -> None:
    with pytest.raises(SimulatorError, match="no science exposures") as caught:
        recorded_night(folder / "bias", CAMERA)
    assert "4 bias" in str(caught.value)


@pytest.mark.parametrize("name", ["simulated-mosaic", "simulated-lsst"])
def test_files_of_many_hdus_are_played_and_calibrated_with_all_of_them(name: str, tmp_path: Path) -> None:
    camera = load_camera(name)
    lights = write_night(tmp_path, camera, lights=2, biases=2, flats=1, detectors=2)
    plan, night = recorded_night(tmp_path, camera)
    numbers = tuple(detector.number for detector in camera.detectors[:2])
    assert [visit.detectors for visit in plan.visits] == [numbers] * 2
    raws = list(plan.raws.take(plan.visits[0], 0, THE_PAST, THE_PAST))
    assert [number for raw in raws for number in raw.detectors] == list(numbers)
    assert [raw.body for raw in raws] == [path.read_bytes() for path in lights[: len(raws)]]
    assert len(raws) == (1 if name == "simulated-mosaic" else 2)
    described = cast(CameraDict, camera_as_dict(camera))
    for number in numbers:
        frame, raw = night.frame(plan.visits[1], number)
        assert frame.exposure.detector == number
        detector = find_detector(described, number)
        images = 1 if name == "simulated-mosaic" else 16
        for one in (raw, *plan.calibrations.biases(number), *plan.calibrations.flats(number, "i_sim")):
            assert 1 + len(one.others) == images
            assert np.isfinite(assemble(one, detector).pixels).all()
        assert len(plan.calibrations.biases(number)) == 2


def test_a_mosaic_that_lacks_a_detector_is_played_with_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    camera = load_camera("simulated-mosaic")
    _, second = write_night(tmp_path, camera, lights=2, biases=1, flats=1, detectors=6)
    with fits.open(second) as hdus:
        del hdus["S2"]
        hdus.writeto(second, overwrite=True)
    plan, _ = recorded_night(tmp_path, camera)
    assert [visit.detectors for visit in plan.visits] == [(1, 2, 3, 4, 5, 6), (1, 3, 4, 5, 6)]
    (said,) = caplog.messages
    assert said.startswith(f"{second} is read without detectors S2: it has no image in HDU S2")
