"""A raw of a camera with an HDU for each amplifier that holds one image in their stead."""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import yaml
from astropy.io import fits

from adapters.files.cameras import load_camera
from prompt_pipelines.errors import RawFormatError
from prompt_pipelines.raw import read_raw
from simulator.errors import SimulatorError
from workbench.recorded_frames import read_frames

CARDS = {
    "INSTRUME": "lsstCam", "DAYOBS": "20260313", "SEQNUM": 101, "OBSID": "MC_O_20260313_000101",
    "RAFTBAY": "R22", "CCDSLOT": "S11", "FILTBAND": "r", "FILTER": "r_57",
    "DATE-BEG": "2026-03-14T02:15:07.310", "EXPTIME": 30.0,
    "IMGTYPE": "OBJECT", "RASTART": 150.0, "DECSTART": 2.2, "ROTPA": 0.0,
}  # fmt: skip


def image() -> fits.ImageHDU:
    return fits.ImageHDU(np.zeros((64, 72), np.uint16))


def test_its_header_is_read_and_its_pixels_are_refused(tmp_path: Path) -> None:
    fits.HDUList([fits.PrimaryHDU(header=fits.Header(CARDS)), image()]).writeto(tmp_path / "raw.fits")
    camera = load_camera("lsstcam")
    (frame,) = read_frames(tmp_path, camera).frames
    assert camera.detector(frame.exposure.detector).name == "R22_S11"
    with pytest.raises(RawFormatError, match="it has no image in HDU Segment10"):
        read_raw(frame.path, frame.hdus)


def test_of_several_images_none_is_taken_for_it(tmp_path: Path) -> None:
    fits.HDUList([fits.PrimaryHDU(header=fits.Header(CARDS)), image(), image()]).writeto(
        tmp_path / "raw.fits"
    )
    with pytest.raises(SimulatorError, match="holds no frame of LSSTCam"):
        read_frames(tmp_path, load_camera("lsstcam"))


def test_a_file_that_may_hold_none_of_the_detectors_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = yaml.safe_load((files("cameras") / "simulated.yaml").read_text())
    for detector in content["detectors"]:
        detector["file"] = "chip*.fits"
    (tmp_path / "chips.yaml").write_text(yaml.safe_dump(content))
    night = tmp_path / "night"
    night.mkdir()
    fits.HDUList([fits.PrimaryHDU(header=fits.Header(CARDS)), image()]).writeto(night / "raw.fits")
    with pytest.raises(SimulatorError, match="holds no frame of SimCam"):
        read_frames(night, load_camera(tmp_path / "chips.yaml"))
    assert "raw.fits is left out: its HDUs are those of no detector" in caplog.text
