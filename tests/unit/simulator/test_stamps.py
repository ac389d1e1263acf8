import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.world.arrays import Floats
from simulator.world.stamps import add_point_sources

ROWS, COLUMNS = 60, 80


def image_of(*stars: tuple[float, float, float], fwhm: float = 3.0) -> Floats:
    image = np.zeros((ROWS, COLUMNS))
    x, y, flux = np.array(stars).T
    add_point_sources(image, x, y, flux, fwhm=fwhm)
    return image


@given(st.floats(25, 55), st.floats(25, 35))
def test_all_light_of_a_star_is_on_the_image_and_centred_on_it(x: float, y: float) -> None:
    image = image_of((x, y, 1000.0))
    rows, columns = np.mgrid[:ROWS, :COLUMNS]
    assert image.sum() == pytest.approx(1000.0, rel=1e-4)
    assert (image * columns).sum() / image.sum() == pytest.approx(x, abs=1e-3)
    assert (image * rows).sum() / image.sum() == pytest.approx(y, abs=1e-3)


@given(st.floats(-200, 300), st.floats(-200, 300), st.floats(1.0, 6.0))
def test_a_star_anywhere_gives_the_image_what_falls_on_it(x: float, y: float, fwhm: float) -> None:
    image = image_of((x, y, 1000.0), fwhm=fwhm)
    assert image.min() >= 0
    assert image.sum() <= 1000.0 * (1 + 1e-9)
    if math.hypot(max(-x, x - COLUMNS, 0), max(-y, y - ROWS, 0)) > 60:
        assert image.sum() == 0


def test_the_profile_is_as_wide_as_it_should_be() -> None:
    image = image_of((40.0, 30.0, 1.0), fwhm=8.0)
    # Half of the peak is a little outside half the core's width, for the wing.
    assert image[30, 36] / image[30, 40] == pytest.approx(0.5, abs=0.04)


def test_stars_add_up() -> None:
    both = image_of((10.3, 20.2, 500.0), (12.9, 21.7, 300.0))
    assert both == pytest.approx(image_of((10.3, 20.2, 500.0)) + image_of((12.9, 21.7, 300.0)))
