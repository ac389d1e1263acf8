"""Pixels of a flat that nothing can be divided by."""

import numpy as np
import pytest
from scipy.ndimage import median_filter

from prompt_pipelines.calibrations import combine_biases, combine_flats
from tests.unit.prompt_pipelines import tiny_camera as tiny


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3])
def test_what_is_far_from_the_median_around_it_is_left_out(share: float) -> None:
    """Whether few medians are needed or all."""
    rng = np.random.default_rng(9)
    camera, bias_frames = tiny.tiny_camera(), tiny.bias_frames(rng)
    light = 4000.0 * tiny.response()
    light[rng.random(light.shape) < share] *= 0.3
    light[:, 7] *= 0.3
    frames = [tiny.read_out(light, rng) for _ in range(4)]
    flat = combine_flats(frames, combine_biases(bias_frames, camera, 0), camera, 0)
    around = median_filter(light, size=9, mode="nearest")
    np.testing.assert_array_equal(np.isnan(flat.array), np.abs(light - around) > 0.4 * around)
