"""Frames that are copies of others, and exposures of one number."""

import datetime
import gzip
import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from attrs import evolve

from domain.cameras.camera import Camera, HeaderRules, RawKeyScheme
from domain.headers.header import read_exposure
from domain.raws.exposure import Exposure
from domain.raws.raws import parse_raw_key
from domain.times import TaiSeconds
from tests.unit.simulator.cameras import make_camera
from workbench.replay import recorded_night

LSST = make_camera()
CAMERA = evolve(
    make_camera(scheme=RawKeyScheme.GROUPED),
    header=HeaderRules(
        facts={
            fact: rules
            for fact, rules in LSST.header.facts.items()
            if fact not in {"obs_id", "group", "snap", "end", "day_obs"}
        }
    ),
)
BEGIN = datetime.datetime(2026, 3, 14, 2, 15, tzinfo=datetime.UTC)


def write(
    path: Path, number: int, seconds: float, *, kind: str = "science", value: float = 3, slot: str = "S00"
) -> Path:
    """Write a frame of 30 s that begins so many seconds after the first."""
    begin = (BEGIN + datetime.timedelta(seconds=seconds)).replace(tzinfo=None)
    hdu = fits.PrimaryHDU(np.full((160, 236), value, np.uint16 if isinstance(value, int) else np.float32))
    hdu.header.update(
        {
            "INSTRUME": "TestCam",
            "RAFTBAY": "R22",
            "CCDSLOT": slot,
            "OBSID": f"TC_O_20260313_{number:06d}",
            "GROUPID": str(number),
            "CURINDEX": 1,
            "SEQNUM": number,
            "FILTER": "r_test",
            "EXPTIME": 30.0,
            "DATE-BEG": begin.isoformat(),
            "IMGTYPE": kind,
        }
    )
    hdu.writeto(path)
    return path


@pytest.fixture
def night(tmp_path: Path) -> Path:
    for slot in ("S00", "S12"):
        write(tmp_path / f"bias{slot}.fits", 1, -300, kind="bias", slot=slot)
        write(tmp_path / f"flat{slot}.fits", 2, -200, kind="flat", slot=slot)
    write(tmp_path / "light.fits", 21, 0)
    return tmp_path


def played(folder: Path, camera: Camera = CAMERA) -> list[tuple[int, int]]:
    """Tell exposure ids and detectors of what is played, as the service reads them."""
    return [(one.exposure, one.detector) for one in _read(folder, camera)]


def _read(folder: Path, camera: Camera) -> Iterator[Exposure]:
    plan, _ = recorded_night(folder, camera)
    for visit in plan.visits:
        for raw in plan.raws.take(visit, 0, TaiSeconds(0.0), TaiSeconds(0.0)):
            sent = folder / "sent"
            sent.write_bytes(raw.body)
            read = read_exposure(camera, dict(fits.getheader(sent)), parse_raw_key(camera, raw.key))
            assert read.exposure == 2026031300000 + read.seqnum
            assert camera is LSST or read.group == visit.group
            yield read


def test_two_exposures_of_one_number_are_both_played(night: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(night / "other.fits", 21, 600)
    write(night / "third.fits", 22, 300)
    with caplog.at_level(logging.WARNING):
        assert sorted(played(night)) == [(2026031300021, 0), (2026031300022, 0), (2026031300023, 0)]
    (line,) = caplog.messages
    assert "other.fits has the exposure id 2026031300021 of" in line
    assert line.endswith("light.fits, which is another frame: it is played as 2026031300023")


def test_all_detectors_of_such_an_exposure_get_the_same_number(night: Path) -> None:
    write(night / "light_b.fits", 21, 0, slot="S12")
    write(night / "other_a.fits", 21, 600)
    write(night / "other_b.fits", 21, 600, slot="S12")
    assert sorted(played(night)) == [
        (2026031300021, 0),
        (2026031300021, 5),
        (2026031300022, 0),
        (2026031300022, 5),
    ]


def test_where_keys_leave_no_other_number_the_later_frame_is_named(
    night: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(night / "other.fits", 21, 600)
    with caplog.at_level(logging.WARNING):
        assert played(night, LSST) == [(2026031300021, 0)]
    assert "other.fits is left out: it has the exposure id 2026031300021 of" in caplog.text


@pytest.mark.parametrize("number", [21, 77])
def test_a_processed_copy_is_left_out_by_name(
    night: Path, number: int, caplog: pytest.LogCaptureFixture
) -> None:
    # Its name comes before that of the raw, and its time has lost the fraction of a second.
    write(night / "a_copy.fits", number, 0.4, value=2.5)
    with caplog.at_level(logging.WARNING):
        assert played(night) == [(2026031300021, 0)]
    assert "a_copy.fits is left out: it is a processed copy of" in caplog.text


def test_a_compressed_processed_copy_is_left_out_too(night: Path) -> None:
    copy = write(night / "light_c.fits", 21, 0, value=2.5)
    with fits.open(copy) as hdus:
        fits.CompImageHDU(hdus[0].data, hdus[0].header).writeto(night / "light_c.fits.fz")
    copy.unlink()
    assert played(night) == [(2026031300021, 0)]


def test_the_same_file_twice_is_played_once(night: Path, caplog: pytest.LogCaptureFixture) -> None:
    (night / "backup").mkdir()
    (night / "backup" / "light.fits").write_bytes((night / "light.fits").read_bytes())
    (night / "light.fits.gz").write_bytes(gzip.compress((night / "light.fits").read_bytes()))
    with caplog.at_level(logging.WARNING):
        assert played(night) == [(2026031300021, 0)]
    assert caplog.text.count("is left out: it is the same as") == 2


def test_a_camera_of_floating_point_frames_keeps_them(night: Path) -> None:
    (night / "light.fits").unlink()
    for number in (21, 22):
        write(night / f"light{number}.fits", number, 100 * number, value=2.5)
    assert len(played(night)) == 2
