"""Defects, linearity and crosstalk."""

from typing import Any

import astropy.units as u
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp
from lsst.images import Image, MaskedImage

from prompt_pipelines.calibrations import combine_biases, combine_darks, combine_flats
from prompt_pipelines.camera import DetectorDict, find_detector
from prompt_pipelines.defects import boxes_of, defect_pixels, find_defects
from prompt_pipelines.electronics import straightened, without_crosstalk
from prompt_pipelines.errors import UnusableImageError
from prompt_pipelines.masks import any_of, image_schema
from prompt_pipelines.raw import RawFrame
from tests.unit.prompt_pipelines import tiny_camera as tiny
from tests.unit.prompt_pipelines.chain import calibrated

CAMERA = tiny.tiny_camera()
DETECTOR = find_detector(CAMERA, 0)
SHAPE = (tiny.NY, tiny.NX)
HALF = tiny.NX // 2


class TestDefects:
    @given(hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12)))
    @settings(max_examples=200, deadline=None)
    def test_boxes_hold_the_pixels_and_no_others(self, defects: np.ndarray) -> None:
        boxes = boxes_of(defects)
        np.testing.assert_array_equal(defect_pixels({"boxes": boxes}, defects.shape), defects)
        assert sum((x1 - x0) * (y1 - y0) for x0, x1, y0, y1 in boxes) == defects.sum()

    def test_a_block_is_one_box(self) -> None:
        defects = np.zeros((8, 9), dtype=bool)
        defects[2:5, 3:7] = True
        assert boxes_of(defects) == [[3, 7, 2, 5]]

    def test_hot_and_blind_pixels_are_found_and_those_that_can_be_corrected_are_not(self) -> None:
        rng = np.random.default_rng(3)
        rate = rng.normal(0.1, 0.02, SHAPE).astype(np.float32)
        rate[10, 20], rate[11, 21], rate[12, 22] = 5.0, 0.2, np.nan
        response = rng.normal(1.0, 0.01, SHAPE).astype(np.float32)
        response[31, 41], response[32, 42] = 0.9, np.nan
        unit = u.electron / u.s
        dark = MaskedImage(Image(rate, unit=unit), mask_schema=image_schema())
        found = find_defects(SHAPE, dark, [Image(response)])
        assert sorted(zip(*np.nonzero(found), strict=True)) == [(10, 20), (12, 22), (32, 42)]

    def test_a_column_that_is_mostly_of_no_use_is_wholly(self) -> None:
        response = np.ones(SHAPE, dtype=np.float32)
        response[: tiny.NY * 2 // 3, 77] = np.nan
        found = find_defects(SHAPE, None, [Image(response)])
        assert found[:, 77].all()
        assert found.sum() == tiny.NY

    def test_they_are_bad_in_an_image(self) -> None:
        defects = {"boxes": [[3, 6, 7, 10]]}
        image = calibrated(tiny.science_frame(np.random.default_rng(5)), defects=defects)
        np.testing.assert_array_equal(image.mask.get("BAD"), defect_pixels(defects, SHAPE))
        np.testing.assert_array_equal(any_of(image.mask), defect_pixels(defects, SHAPE))
        assert image.metadata["calibrations"] == "defects"

    def test_single_ones_are_filled_in_from_around_them(self) -> None:
        rng = np.random.default_rng(5)
        defects = defect_pixels(
            {"boxes": [[60, 61, 20, 22], [95, 96, 90, 91]]}, SHAPE
        )  # in the sky, in a star
        raw = tiny.science_frame(rng)
        raw.pixels[:, : tiny.NX][defects] = 30_000
        image = calibrated(raw, defects={"boxes": boxes_of(defects)})
        np.testing.assert_array_equal(image.mask.get("BAD") & image.mask.get("INTERPOLATED"), defects)
        assert not any_of(image.mask).any()
        truth = tiny.electrons() * tiny.response()
        pulls = (image.image.array - truth)[defects] / np.sqrt(image.variance.array[defects])
        assert np.abs(pulls).max() < 3.0
        assert image.variance.array[90, 95] > 4 * image.variance.array[91, 97]

    def test_those_of_another_detector_are_refused(self) -> None:
        with pytest.raises(UnusableImageError, match=r"leaves an image of 200 x 180 pixels"):
            defect_pixels({"boxes": [[3, 500, 7, 9]]}, SHAPE)


class TestLinearity:
    """Readouts that show less of what is bright."""

    true = np.linspace(0.0, 40_000.0, tiny.NX * tiny.NY, dtype=np.float32).reshape(SHAPE)

    def test_a_polynomial_straightens_its_amplifier_alone(self) -> None:
        linearity = {"amplifiers": {"C01": {"polynomial": [2e-6, -1e-11]}}}
        measured = self.true
        straight = straightened(measured, DETECTOR, linearity)
        np.testing.assert_array_equal(straight[:, :HALF], measured[:, :HALF])
        right = measured[:, HALF:]
        np.testing.assert_allclose(straight[:, HALF:], right + 2e-6 * right**2 - 1e-11 * right**3, rtol=1e-6)

    def test_a_table_straightens_what_it_was_measured_from(self) -> None:
        grid = np.linspace(0.0, 45_000.0, 60)
        bent = grid - 2e-6 * grid**2
        table = {"measured": bent.tolist(), "corrected": grid.tolist()}
        linearity = {"amplifiers": {"C00": table, "C01": table}}
        straight = straightened(self.true - np.float32(2e-6) * self.true**2, DETECTOR, linearity)
        np.testing.assert_allclose(straight, self.true, atol=1.5)

    def test_beyond_its_ends_a_table_holds(self) -> None:
        linearity = {"amplifiers": {"C00": {"measured": [0.0, 100.0], "corrected": [0.0, 110.0]}}}
        straight = straightened(np.full(SHAPE, 500.0, np.float32), DETECTOR, linearity)
        assert (straight[0, 0], straight[0, -1]) == (510.0, 500.0)

    def test_a_bent_flat_is_straightened_before_it_is_combined(self) -> None:
        rng = np.random.default_rng(6)
        bias = combine_biases(tiny.bias_frames(rng), CAMERA, 0)
        response = tiny.response()
        response[:, :HALF] *= 0.5
        frames = [_bent(tiny.read_out(60_000.0 * response, rng), bias) for _ in range(4)]
        rule = {"polynomial": [4e-6, 3.2e-11, 3.2e-16, 3.6e-21]}  # the inverse, by powers of the bend
        linearity = {"amplifiers": {"C00": rule, "C01": rule}}
        flat = combine_flats(frames, bias, CAMERA, 0, linearity=linearity)
        ratio = np.nanmedian(flat.array[:, :HALF] / response[:, :HALF]) / np.nanmedian(
            flat.array[:, HALF:] / response[:, HALF:]
        )
        assert ratio == pytest.approx(1.0, abs=0.004)
        bent = combine_flats(frames, bias, CAMERA, 0)
        assert np.nanmedian(bent.array[:, :HALF] / response[:, :HALF]) > 1.01


def _bent(frame: RawFrame, bias: Image) -> RawFrame:
    """Lose 4e-6 of the signal's square."""
    pixels = frame.pixels.astype(float)
    for i, offset in enumerate(tiny.OFFSETS):
        half = slice(i * HALF, (i + 1) * HALF)
        signal = pixels[:, half] - offset - bias.array[:, half]
        pixels[:, half] -= 4e-6 * signal**2
    return RawFrame(np.clip(pixels, 0, 65535).astype(np.uint16))


class TestCrosstalk:
    shares = ((0.0, 1e-3), (2e-3, 0.0))

    @classmethod
    def known(cls, **more: Any) -> dict[str, Any]:
        matrix = [list(row) for row in cls.shares]
        return {"amplifiers": ["C00", "C01"], "matrix": matrix, "mirrored_x": [], "mirrored_y": [], **more}

    def test_a_ghost_is_taken_out(self) -> None:
        rng = np.random.default_rng(2)
        clean = rng.normal(100.0, 5.0, SHAPE).astype(np.float32)
        clean[50:60, 20:30] = 40_000.0
        mixed = clean.copy()
        mixed[:, :HALF] += self.shares[0][1] * clean[:, HALF:]
        mixed[:, HALF:] += self.shares[1][0] * clean[:, :HALF]
        assert mixed[55, HALF + 25] - clean[55, HALF + 25] == pytest.approx(80.0)
        np.testing.assert_allclose(without_crosstalk(mixed, DETECTOR, self.known()), clean, atol=0.1)

    @pytest.mark.parametrize("told", ["by the crosstalk", "by the camera"])
    def test_amplifiers_may_be_read_from_opposite_ends(self, told: str) -> None:
        clean = np.full(SHAPE, 100.0, np.float32)
        clean[55, 20] = 40_000.0
        mixed = clean.copy()
        mixed[:, HALF:] += self.shares[1][0] * clean[:, :HALF][:, ::-1]
        mixed[:, :HALF] += self.shares[0][1] * clean[:, HALF:][:, ::-1]
        known, detector = self.known(mirrored_x=["C01"]), DETECTOR
        if told == "by the camera":
            left, right = DETECTOR["amplifiers"]
            turned: Any = {**right, "flip_x": True}
            known, detector = self.known(), DetectorDict(**{**DETECTOR, "amplifiers": [left, turned]})
        np.testing.assert_allclose(without_crosstalk(mixed, detector, known), clean, atol=0.1)

    def test_that_of_other_amplifiers_is_refused(self) -> None:
        with pytest.raises(UnusableImageError, match="crosstalk of R00_S00 is that of other amplifiers"):
            without_crosstalk(np.zeros(SHAPE, np.float32), DETECTOR, self.known(amplifiers=["A", "B"]))

    def test_an_unknown_pixel_leaves_no_hole_elsewhere(self) -> None:
        pixels = np.full(SHAPE, 100.0, np.float32)
        pixels[5, 5] = np.nan
        assert np.isnan(without_crosstalk(pixels, DETECTOR, self.known())).sum() == 1


def test_an_image_names_all_that_it_was_corrected_by() -> None:
    rng = np.random.default_rng(4)
    bias = combine_biases(tiny.bias_frames(rng), CAMERA, 0)
    darks = [RawFrame(frame.pixels, exposure_time=60.0) for frame in tiny.bias_frames(rng)]
    image = calibrated(
        tiny.science_frame(rng),
        bias=bias,
        dark=combine_darks(darks, bias, CAMERA, 0),
        flat=combine_flats(tiny.flat_frames(rng), bias, CAMERA, 0),
        defects={"boxes": []},
        linearity={"amplifiers": {}},
        crosstalk={
            "amplifiers": ["C00", "C01"],
            "matrix": [[0, 0], [0, 0]],
            "mirrored_x": [],
            "mirrored_y": [],
        },
    )
    assert image.metadata["calibrations"] == "bias dark flat defects linearity crosstalk"
    assert np.median(image.image.array) == pytest.approx(tiny.SKY, rel=0.03)
