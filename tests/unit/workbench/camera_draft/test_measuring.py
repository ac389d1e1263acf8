"""Sections, gain and read noise from pixels alone."""

import numpy as np
import pytest

from domain.cameras.camera import Box
from workbench.camera_draft.photon_transfer import photon_transfer
from workbench.camera_draft.sections import Pixels, fits_section, from_header, from_pixels

GAIN, READ_NOISE, LEVEL = 1.7, 6.0, 1000.0  # electrons/ADU, electrons, ADU


def frame(generator: np.random.Generator, electrons: float, shape: tuple[int, int] = (300, 300)) -> Pixels:
    light = generator.poisson(electrons, shape) if electrons else np.zeros(shape)
    return np.round((light + generator.normal(0, READ_NOISE, shape)) / GAIN + LEVEL)


def lit(data: Box, shape: tuple[int, int], electrons: float = 20_000) -> tuple[Pixels, Pixels]:
    """A flat that is lit within a box, and a bias."""
    generator = np.random.default_rng(1)
    flat, bias = frame(generator, 0, shape), frame(generator, 0, shape)
    inside = (slice(data.y_min, data.y_max), slice(data.x_min, data.x_max))
    flat[inside] = frame(generator, electrons, data.shape)
    # A bad column and a dark corner are no overscan.
    flat[:, data.x_min + 20] = LEVEL
    flat[data.y_min : data.y_min + 5, data.x_min : data.x_min + 5] = LEVEL
    return flat, bias


@pytest.mark.parametrize("light", [3_000.0, 30_000.0])
def test_gain_and_read_noise_are_those_of_the_frames(light: float) -> None:
    generator = np.random.default_rng(7)
    # Twilight fades from flat to flat.
    flats = [frame(generator, light * fading) for fading in (1.0, 0.95, 0.9)]
    for flat in flats:
        flat[generator.integers(0, 300, 50), generator.integers(0, 300, 50)] += 5_000
    measured = photon_transfer(flats, [frame(generator, 0) for _ in range(3)], saturation=60_000)
    assert measured is not None
    assert measured.gain == pytest.approx(GAIN, rel=0.03)
    assert measured.read_noise == pytest.approx(READ_NOISE, rel=0.05)


def test_saturated_flats_and_single_frames_tell_nothing() -> None:
    generator = np.random.default_rng(7)
    flats = [np.full((300, 300), 65_535.0)] * 2
    biases = [frame(generator, 0) for _ in range(2)]
    assert photon_transfer(flats, biases, saturation=60_000) is None
    assert photon_transfer([frame(generator, 20_000)] * 1, biases, saturation=60_000) is None
    assert (
        photon_transfer([frame(generator, 20_000) for _ in range(2)], biases[:1], saturation=60_000) is None
    )


@pytest.mark.parametrize(
    ("data", "overscan"),
    [
        (Box(0, 200, 0, 100), Box(202, 230, 0, 100)),
        (Box(40, 240, 0, 100), Box(0, 38, 0, 100)),
        (Box(10, 210, 4, 96), Box(212, 230, 4, 96)),
        (Box(0, 230, 0, 100), None),
    ],
    ids=["to the right", "to the left", "prescan and rows", "none"],
)
@pytest.mark.parametrize("with_bias", [True, False])
def test_the_overscan_is_found_in_the_pixels(data: Box, overscan: Box | None, with_bias: bool) -> None:
    width = 230 if overscan is None else max(230, data.x_max)
    flat, bias = lit(data, (100, width))
    found = from_pixels(flat, bias if with_bias else None)
    if overscan is None and not with_bias:
        assert found is None or found.overscan is None
        return
    assert found is not None
    assert (found.data, found.overscan) == (data, overscan)


def test_a_faint_flat_tells_nothing() -> None:
    flat, bias = lit(Box(0, 200, 0, 100), (100, 230), electrons=20)
    assert from_pixels(flat, bias) is None


def test_sections_of_a_header_count_if_they_fit_the_image() -> None:
    cards = {"TRIMSEC": "[18:1382,1:400]", "BIASSEC": "[1388:1432, 1:400]"}
    found = from_header(cards, (400, 1432))
    assert found is not None
    assert found.overscan is not None
    assert (fits_section(found.data), fits_section(found.overscan)) == (
        "[18:1382,1:400]",
        "[1388:1432,1:400]",
    )
    assert from_header(cards, (400, 1000)) is None
    within = from_header(cards | {"BIASSEC": "[100:120,1:400]"}, (400, 1432))
    assert within is not None
    assert within.overscan is None
