"""Master darks: dark current with its own noise."""

from collections.abc import Sequence

import numpy as np
import pytest
from attrs import evolve
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from lsst.images import Image

from prompt_pipelines.calibrations import combine_biases, combine_darks, combine_flats
from prompt_pipelines.errors import CalibrationError
from prompt_pipelines.raw import RawFrame
from tests.unit.prompt_pipelines import tiny_camera as tiny
from tests.unit.prompt_pipelines.chain import calibrated

CAMERA = tiny.tiny_camera()
CURRENT = np.linspace(2.0, 3.0, tiny.NX)[np.newaxis, :] * np.ones((tiny.NY, 1))
"""Electrons per second."""


def frames_of(times: Sequence[float], rng: np.random.Generator) -> list[RawFrame]:
    return [
        evolve(tiny.read_out(seconds * CURRENT, rng), exposure_time=seconds, name=f"dark{number}")
        for number, seconds in enumerate(times)
    ]


@pytest.fixture(scope="module")
def bias() -> Image:
    return combine_biases(tiny.bias_frames(np.random.default_rng(1), 60), CAMERA, 0)


@given(
    times=st.lists(st.sampled_from([20.0, 30.0, 60.0, 240.0]), min_size=1, max_size=6),
    sky=st.sampled_from([0.0, 5.0, 300.0]),
    seed=st.integers(0, 10_000),
)
@settings(max_examples=10, deadline=None, phases=[Phase.explicit, Phase.generate])
def test_the_corrected_image_scatters_as_its_variance_says(
    bias: Image, times: list[float], sky: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    dark = combine_darks(frames_of(times, rng), bias, CAMERA, 0)
    light = np.full(CURRENT.shape, sky)
    image = calibrated(tiny.read_out(light + 30.0 * CURRENT, rng), bias=bias, dark=dark)
    residual = image.image.array - light
    pulls = residual / np.sqrt(image.variance.array)
    assert np.std(pulls) == pytest.approx(1.0, abs=0.03)
    # Read noise, sky, the dark current that was subtracted, and what the dark adds.
    own = 30.0**2 * dark.variance.array
    assert np.median(image.variance.array - own) == pytest.approx(sky + 75.0 + 36.0, rel=0.05)


def test_more_darks_make_less_noise(bias: Image) -> None:
    rng = np.random.default_rng(2)
    one, four = (combine_darks(frames_of([60.0] * n, rng), bias, CAMERA, 0) for n in (1, 4))
    assert np.median(one.variance.array / four.variance.array) == pytest.approx(4.0, rel=0.05)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_a_cosmic_ray_in_one_dark_leaves_no_trace(bias: Image, count: int) -> None:
    frames = frames_of([60.0] * count, np.random.default_rng(4))
    frames[1].pixels[50:53, 60] = 20000
    dark = combine_darks(frames, bias, CAMERA, 0)
    assert np.abs(dark.image.array - CURRENT)[50:53, 60].max() < 1.5


def test_a_dark_without_exposure_time_is_left_out(bias: Image, caplog: pytest.LogCaptureFixture) -> None:
    frames = frames_of([60.0, 0.0, 60.0], np.random.default_rng(4))
    without = combine_darks([frames[0], frames[2]], bias, CAMERA, 0)
    with_it = combine_darks(frames, bias, CAMERA, 0)
    np.testing.assert_array_equal(with_it.image.array, without.image.array)
    assert "dark1 is left out: it has no exposure time" in caplog.text
    with pytest.raises(CalibrationError, match="no usable dark frames among 1 for detector 0"):
        combine_darks(frames[1:2], bias, CAMERA, 0)


def test_flats_are_freed_of_their_dark_current(bias: Image) -> None:
    rng = np.random.default_rng(9)
    dark = combine_darks(frames_of([240.0] * 4, rng), bias, CAMERA, 0)
    light = 4000.0 * tiny.response() + 600.0 * CURRENT
    frames = [evolve(tiny.read_out(light, rng), exposure_time=600.0) for _ in range(4)]
    flat = combine_flats(frames, bias, CAMERA, 0, dark)
    assert np.mean(flat.array / tiny.response() - 1.0) == pytest.approx(0.0, abs=0.001)
    assert np.std(np.mean(flat.array / tiny.response(), axis=0)) < 0.003
