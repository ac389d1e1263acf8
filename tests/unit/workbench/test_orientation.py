"""Cameras that are turned or mirrored, told by their own exposures."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.templates.orientation import measure_orientation

type Ways = npt.NDArray[np.float64]


def dithers(seed: int, number: int, size: float = 60.0) -> Ways:
    return np.random.default_rng(seed).normal(0.0, size, (number, 2))


def turned(ways: Ways, degrees: float, *, mirrored: bool = False) -> Ways:
    """Turn from north by east; before that, swap east and west."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    east = -ways[:, 0] if mirrored else ways[:, 0]
    return np.column_stack([east * cosine + ways[:, 1] * sine, ways[:, 1] * cosine - east * sine])


@given(st.integers(0, 10**6), st.integers(1, 40), st.floats(0.0, 200.0), st.floats(0.0, 100.0))
@settings(max_examples=1000)
def test_a_right_camera_is_never_called_wrong(seed: int, number: int, size: float, error: float) -> None:
    told = dithers(seed, number, size)
    found = told + np.random.default_rng(seed + 1).normal(0.0, error, told.shape)
    assert measure_orientation(told, found) is None


@given(st.integers(0, 10**6), st.integers(8, 40), st.floats(-180.0, 180.0), st.floats(0.0, 1.0))
def test_a_mirrored_camera_is(seed: int, number: int, degrees: float, error: float) -> None:
    told = dithers(seed, number)
    found = turned(told, degrees, mirrored=True)
    found += np.random.default_rng(seed + 1).normal(0.0, error, told.shape)
    orientation = measure_orientation(told, found)
    assert orientation is not None
    assert orientation.is_mirrored
    assert "mirror (x_axis)" in str(orientation)


@given(st.integers(0, 10**6), st.integers(8, 40), st.floats(20.0, 180.0), st.sampled_from([-1, 1]))
def test_a_turned_camera_is_by_its_angle(seed: int, number: int, degrees: float, sign: int) -> None:
    told = dithers(seed, number)
    found = turned(told, sign * degrees)
    found += np.random.default_rng(seed + 1).normal(0.0, 1.0, told.shape)
    orientation = measure_orientation(told, found)
    assert orientation is not None
    assert not orientation.is_mirrored
    assert abs((orientation.turn - sign * degrees + 180.0) % 360.0 - 180.0) < 3.0


@pytest.mark.parametrize("way", ["still", "a drift", "too few"])
def test_what_cannot_tell_does_not(way: str) -> None:
    told = dithers(1, 20)
    if way == "still":
        told *= 0.0
    elif way == "a drift":
        told[:, 0] = 0.0
    else:
        told = told[:4]
    found = turned(told, 90.0) + np.random.default_rng(2).normal(0.0, 0.3, told.shape)
    assert measure_orientation(told, found) is None
