"""Pixels of no use that are filled in, and what that leaves of a difference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsst.images import MaskedImage

from prompt_pipelines.interpolation import fill_in
from tests.unit.prompt_pipelines.chain import Made, catalogue, process, template_of
from tests.unit.prompt_pipelines.pictures import field, picture

SIZE = 256
FIELD = field(SIZE, 36)
COLUMNS = [60, 150, 151]


@given(st.integers(0, 30), st.integers(1, 3), st.booleans(), st.tuples(*[st.integers(-3, 3)] * 3))
def test_narrow_lines_are_filled_in_and_wide_ones_are_not(
    first: int, width: int, is_row: bool, slopes: tuple[int, int, int]
) -> None:
    """What varies as a cubic does comes out right; each pixel needs two on either side."""
    y, x = np.mgrid[0:20, 0:30].astype(float) / 10.0
    truth = 100.0 + slopes[0] * x + slopes[1] * y + slopes[2] * (x * y + x**3)
    line = np.zeros(truth.shape, dtype=bool)
    line[:, first : first + width] = True
    if is_row:
        line, truth = line.T, truth.T
    pixels, variance = np.where(line, np.nan, truth), np.ones(truth.shape)
    filled = fill_in(pixels, variance, line)
    amid = 2 <= first <= 30 - width - 2
    assert filled.sum() == (line.sum() if width <= 2 and amid else 0)
    np.testing.assert_allclose(pixels[filled], truth[filled], rtol=1e-6)
    assert (variance[filled] > 0.5).all()
    assert np.isnan(pixels[line & ~filled]).all()


def with_dead_columns(columns: list[int], sigma: float) -> MaskedImage:
    """Make an image as ISR leaves it."""
    image = picture(FIELD, SIZE, sigma=sigma)
    dead = np.zeros((SIZE, SIZE), dtype=bool)
    dead[:, columns] = True
    image.image.array[dead] = np.nan
    image.mask.set("BAD", dead)
    image.mask.set("INTERPOLATED", fill_in(image.image.array, image.variance.array, dead))
    return image


def difference(columns: list[int], sigma: float) -> Made:
    reference = catalogue(FIELD, picture(FIELD, SIZE))
    return process(with_dead_columns(columns, sigma), reference, [template_of(FIELD, SIZE)])


@pytest.mark.slow
@pytest.mark.parametrize("sigma", [1.3, 2.2])
def test_dead_columns_cost_a_difference_nothing_around_them(sigma: float) -> None:
    made, whole = (difference(columns, sigma) for columns in (COLUMNS, []))
    lost, else_lost = (np.asarray(one.difference_image.mask.get("NO_DATA")) for one in (made, whole))
    assert np.mean(lost & ~else_lost) < 0.015
    dead = made.difference_image.mask.get("BAD") & made.difference_image.mask.get("INTERPOLATED")
    assert dead[:, COLUMNS].all()
    image, variance = made.difference_image.image.array, made.difference_image.variance.array
    pulls = image[dead & ~lost] / np.sqrt(variance[dead & ~lost])
    assert np.std(pulls) < 1.2
    assert len(made.accepted()) == 0
