"""Calibration frames and instrument signature removal."""

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from attrs import evolve
from lsst.images import Image, MaskedImage

from prompt_pipelines.calibrations import combine_biases, combine_darks, combine_flats
from prompt_pipelines.camera import CameraDict
from prompt_pipelines.errors import CalibrationError, CameraDescriptionError, UnusableImageError
from prompt_pipelines.raw import RawFrame, read_raw
from prompt_pipelines.tasks.isr import IsrTask
from tests.unit.prompt_pipelines import tiny_camera as tiny
from tests.unit.prompt_pipelines.chain import RECORD, calibrated, make_task

CAMERA = tiny.tiny_camera()


@pytest.fixture(scope="module")
def masters() -> tuple[Image, Image]:
    rng = np.random.default_rng(4)
    bias = combine_biases(tiny.bias_frames(rng), CAMERA, 0)
    return bias, combine_flats(tiny.flat_frames(rng), bias, CAMERA, 0)


def _isr(raw: RawFrame, masters: tuple[Image, Image]) -> MaskedImage:
    outputs = make_task(IsrTask).run(raw, CAMERA, 0, RECORD, bias=masters[0], flat=masters[1])
    image: MaskedImage = outputs.post_isr_image
    return image


def test_the_bias_is_the_structure_above_the_overscan(masters: tuple[Image, Image]) -> None:
    residual = masters[0].array - tiny.bias_structure()
    assert abs(np.median(residual)) < 0.3
    assert np.std(residual) < 2.5


def test_the_flat_is_the_response(masters: tuple[Image, Image]) -> None:
    residual = masters[1].array / tiny.response() - 1.0
    assert np.nanstd(residual) < 0.006
    assert np.isfinite(masters[1].array).all()


def test_a_cosmic_ray_in_one_bias_leaves_no_trace() -> None:
    frames = tiny.bias_frames(np.random.default_rng(4))
    frames[2].pixels[50:53, 60] = 20000
    bias = combine_biases(frames, CAMERA, 0)
    assert np.abs(bias.array - tiny.bias_structure())[50:53, 60].max() < 12


def test_a_dead_column_is_bad_and_filled_in(masters: tuple[Image, Image]) -> None:
    rng = np.random.default_rng(8)
    frames = tiny.flat_frames(rng)
    for frame in frames:
        frame.pixels[:, 77] = 1000
    flat = combine_flats(frames, masters[0], CAMERA, 0)
    assert not np.isfinite(flat.array[:, 77]).any()
    assert np.isfinite(np.delete(flat.array, 77, axis=1)).all()
    image = _isr(tiny.science_frame(rng), (masters[0], flat))
    assert image.mask.get("BAD")[:, 77].all()
    assert np.isfinite(image.image.array).all()
    assert image.mask.get("INTERPOLATED")[:, 77].all()
    truth = tiny.electrons() * tiny.response()
    pulls = (image.image.array - truth)[:, 77] / np.sqrt(image.variance.array[:, 77])
    assert np.std(pulls) == pytest.approx(1.0, abs=0.2)


def test_saturated_flats_make_no_master(masters: tuple[Image, Image]) -> None:
    frames = [
        RawFrame(np.full_like(frame.pixels, 65535)) for frame in tiny.flat_frames(np.random.default_rng(1))
    ]
    with pytest.raises(CalibrationError, match="no usable flat fields among 5 for detector 0"):
        combine_flats(frames, masters[0], CAMERA, 0)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda pixels: pixels[::2, ::2], "116 x 90 pixels"),
        (lambda pixels: np.full(pixels.shape, np.nan, np.float32), "C00, C01: its overscan holds no number"),
        (lambda pixels: np.full_like(pixels, 65535), "C00, C01: its overscan is saturated"),
        (
            lambda pixels: np.where(tiny.IS_OVERSCAN, pixels, 64000 + pixels % 8),
            "its pixels is a number below saturation",
        ),
        (np.zeros_like, "C00, C01: each of its pixels is 0"),
    ],
    ids=["binned", "NaN", "saturated", "light everywhere", "zeros"],
)
def test_one_bias_that_cannot_be_used_costs_itself_alone(
    spoil: Callable[[np.ndarray], np.ndarray], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    frames = tiny.bias_frames(np.random.default_rng(4))
    bad = RawFrame(spoil(frames[0].pixels), name="night/bias9.fits")
    without = combine_biases(frames[1:], CAMERA, 0)
    np.testing.assert_array_equal(combine_biases([bad, *frames[1:]], CAMERA, 0).array, without.array)
    (line,) = caplog.messages
    assert line.startswith("night/bias9.fits is left out: ")
    assert said in line
    with pytest.raises(CalibrationError, match=f"no usable bias frames among 2 for detector 0: .*{said}"):
        combine_biases([bad, bad], CAMERA, 0)


def test_a_flat_without_light_is_left_out(
    masters: tuple[Image, Image], caplog: pytest.LogCaptureFixture
) -> None:
    rng = np.random.default_rng(4)
    frames = tiny.flat_frames(rng)
    dark = evolve(tiny.read_out(np.full((tiny.NY, tiny.NX), 3.0), rng), name="flat9.fits")
    without = combine_flats(frames, masters[0], CAMERA, 0)
    np.testing.assert_array_equal(combine_flats([dark, *frames], masters[0], CAMERA, 0).array, without.array)
    assert [re.sub(r"[0-9.]+ elec", "3 elec", line) for line in caplog.messages] == [
        "flat9.fits is left out: it has no light: 3 electrons where it takes 30.0"
    ]
    with pytest.raises(CalibrationError, match=r"no usable flat fields among 1 .*: it has no light"):
        combine_flats([dark], masters[0], CAMERA, 0)


def test_nothing_makes_no_master() -> None:
    with pytest.raises(CalibrationError, match="no bias frames for detector 1"):
        combine_biases([], CAMERA, 1)
    with pytest.raises(CalibrationError, match="no dark frames for detector 1"):
        combine_darks([], None, CAMERA, 1)


class TestWhatIsMissing:
    def test_without_any_master_an_image_is_made_and_says_so(self, caplog: pytest.LogCaptureFixture) -> None:
        image = calibrated(tiny.science_frame(np.random.default_rng(5)))
        assert image.metadata["calibrations"] == ""
        assert image.metadata["calibrations_missing"] == "bias flat"
        assert "TC_1 of R00_S00 is processed without bias and flat" in caplog.text
        assert np.median(image.image.array) == pytest.approx(tiny.SKY, rel=0.05)

    def test_without_a_flat(self, masters: tuple[Image, Image], caplog: pytest.LogCaptureFixture) -> None:
        image = calibrated(tiny.science_frame(np.random.default_rng(5)), bias=masters[0])
        assert (image.metadata["calibrations"], image.metadata["calibrations_missing"]) == ("bias", "flat")
        assert "processed without flat" in caplog.text

    def test_a_camera_says_what_it_needs(
        self, masters: tuple[Image, Image], caplog: pytest.LogCaptureFixture
    ) -> None:
        raw, known = tiny.science_frame(np.random.default_rng(5)), {"bias": masters[0], "flat": masters[1]}
        bias_alone: CameraDict = {**CAMERA, "calibrations": ["bias"]}
        image = calibrated(raw, bias_alone, **known)
        assert (image.metadata["calibrations"], image.metadata["calibrations_missing"]) == ("bias", "")
        np.testing.assert_array_equal(image.image.array, calibrated(raw, bias=masters[0]).image.array)
        caplog.clear()
        calibrated(raw, {**CAMERA, "calibrations": []})
        assert not caplog.messages
        dark_too: CameraDict = {**CAMERA, "calibrations": ["bias", "dark", "flat"]}
        assert calibrated(raw, dark_too, **known).metadata["calibrations_missing"] == "dark"


def test_saturation_is_masked(masters: tuple[Image, Image]) -> None:
    raw = tiny.science_frame(np.random.default_rng(5))
    raw.pixels[20:24, 30:33] = 65535
    mask = _isr(raw, masters).mask.get("SATURATED")
    assert mask.sum() == 12
    assert mask[20:24, 30:33].all()


def test_pixels_that_are_no_numbers_have_no_data(masters: tuple[Image, Image]) -> None:
    raw = tiny.science_frame(np.random.default_rng(5))
    pixels = raw.pixels.astype(np.float32)
    pixels[100, 40] = np.nan
    image = _isr(RawFrame(pixels), masters)
    assert image.mask.get("NO_DATA").sum() == 1
    assert np.isfinite(image.image.array).all()


@pytest.mark.parametrize("shape", [(100, 232), (180, 200), (360, 464)])
def test_a_frame_of_another_size_is_named(shape: tuple[int, int], masters: tuple[Image, Image]) -> None:
    with pytest.raises(UnusableImageError, match=f"has {shape[1]} x {shape[0]} pixels"):
        _isr(RawFrame(np.full(shape, 1000, np.uint16)), masters)


def test_of_several_images_the_one_of_the_detectors_size_iscalibrated(
    masters: tuple[Image, Image], tmp_path: Path
) -> None:
    science = tiny.science_frame(np.random.default_rng(5))
    preview, master = fits.ImageHDU(np.full((360, 464), 7, np.uint16)), fits.ImageHDU(science.pixels)
    fits.HDUList([fits.PrimaryHDU(), preview, master]).writeto(tmp_path / "raw.fits")
    image = _isr(read_raw(tmp_path / "raw.fits"), masters)
    np.testing.assert_array_equal(image.image.array, _isr(science, masters).image.array)


def test_several_images_of_which_any_may_be_the_frame_are_named(
    masters: tuple[Image, Image], tmp_path: Path
) -> None:
    pixels = tiny.science_frame(np.random.default_rng(5)).pixels
    images = [fits.ImageHDU(pixels, name="A"), fits.ImageHDU(np.pad(pixels, (0, 3)), name="B")]
    fits.HDUList([fits.PrimaryHDU(), *images]).writeto(tmp_path / "raw.fits")
    with pytest.raises(UnusableImageError, match=r"R00_S00: several of .*HDU 2 B .*HDU 1 A"):
        _isr(read_raw(tmp_path / "raw.fits"), masters)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda pixels: np.full(pixels.shape, np.nan, np.float32), "its overscan holds no number"),
        (lambda pixels: np.where(tiny.IS_OVERSCAN, np.nan, pixels), "its overscan holds no number"),
        (lambda pixels: np.where(tiny.IS_OVERSCAN, 65535, pixels), "its overscan is saturated"),
        (lambda pixels: np.where(tiny.IS_OVERSCAN, 0, pixels), "each pixel of its overscan is 0"),
        (
            lambda pixels: np.where(tiny.IS_OVERSCAN, 40_000, pixels),
            "its overscan is [0-9]+ ADU above its pixels",
        ),
        (np.zeros_like, "each of its pixels is 0"),
        (lambda pixels: np.where(tiny.IS_OVERSCAN, pixels, 1000), "each of its pixels is 1000"),
        (
            lambda pixels: np.where(tiny.IS_OVERSCAN, pixels, 60_000 + pixels % 7),
            "every pixel .* is saturated",
        ),
    ],
)
def test_a_frame_that_nothing_was_read_of_is_not_calibrated(
    spoil: Callable[[np.ndarray], np.ndarray], said: str, masters: tuple[Image, Image]
) -> None:
    raw = tiny.science_frame(np.random.default_rng(5))
    with pytest.raises(UnusableImageError, match=f"of R00_S00 is .*{said}|{said}"):
        _isr(RawFrame(spoil(raw.pixels)), masters)


def test_an_amplifier_whose_overscan_is_saturated_costs_itself_alone(
    masters: tuple[Image, Image], caplog: pytest.LogCaptureFixture
) -> None:
    raw = tiny.science_frame(np.random.default_rng(5))
    raw.pixels[:, tiny.NX : tiny.NX + tiny.OVERSCAN] = 65535
    mask = _isr(raw, masters).mask.get("NO_DATA")
    assert mask[:, : tiny.NX // 2].all()
    assert not mask[:, tiny.NX // 2 :].any()
    assert "TC_1 of R00_S00 has no data of amplifier C00: its overscan is saturated" in caplog.text


def test_a_master_of_another_size_is_named(masters: tuple[Image, Image]) -> None:
    raw = tiny.science_frame(np.random.default_rng(5))
    with pytest.raises(UnusableImageError, match=r"the bias of R00_S00 has the shape \(10, 10\)"):
        _isr(raw, (Image(0.0, shape=(10, 10), dtype=np.float32), masters[1]))


def test_without_a_pointing_there_is_an_image_without_projection(masters: tuple[Image, Image]) -> None:
    record = SimpleNamespace(**{**vars(RECORD), "tracking_ra": None})
    raw = tiny.science_frame(np.random.default_rng(5))
    record_any: Any = record
    outputs = make_task(IsrTask).run(raw, CAMERA, 0, record_any, bias=masters[0], flat=masters[1])
    assert outputs.post_isr_image.sky_projection is None


def test_an_image_says_that_its_pointing_may_be_off(masters: tuple[Image, Image]) -> None:
    raw = tiny.science_frame(np.random.default_rng(5))
    far_off: CameraDict = {**CAMERA, "pointing_error_deg": 0.5}
    outputs = make_task(IsrTask).run(raw, far_off, 0, RECORD, bias=masters[0], flat=masters[1])
    assert outputs.post_isr_image.metadata["pointing_error_deg"] == 0.5
    assert "pointing_error_deg" not in _isr(raw, masters).metadata


def test_without_a_wcs_in_the_header_the_geometry_serves_where_fields_are_recognized(
    masters: tuple[Image, Image],
) -> None:
    raw = tiny.science_frame(np.random.default_rng(5))
    for error, placed in ((0.0, False), (0.5, True)):
        camera: CameraDict = {**CAMERA, "wcs": {"projection": None}, "pointing_error_deg": error}
        outputs = make_task(IsrTask).run(raw, camera, 0, RECORD, bias=masters[0], flat=masters[1])
        assert (outputs.post_isr_image.sky_projection is not None) == placed


def test_a_detector_that_is_not_described_is_named() -> None:
    raw = tiny.science_frame(np.random.default_rng(5))
    with pytest.raises(CameraDescriptionError, match="no detector number 7"):
        make_task(IsrTask).run(raw, CAMERA, 7, RECORD)
