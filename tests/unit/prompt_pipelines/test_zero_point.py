"""The zero point of an image: by stars of different colours, and under a cloud."""

import numpy as np
import pytest

from prompt_pipelines.zero_point import choose_colours, fit_gradient, fit_photometry

COUNT = 60


def _stars(term: float) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Make fluxes of stars in electrons, 2 nJy each at the colour 0.5, and in a catalogue."""
    rng = np.random.default_rng(1)
    red = 10 ** rng.uniform(3.0, 5.0, COUNT)
    colour = rng.normal(0.5, 0.3, COUNT)
    seen = red / 2.0 * 10 ** (-0.4 * term * (colour - 0.5)) * rng.normal(1.0, 0.01, COUNT)
    return seen, {"g": red * 10 ** (-0.4 * colour), "r": red}


def test_a_colour_term_is_fitted_where_there_is_one() -> None:
    seen, known = _stars(0.2)
    found = fit_photometry(seen, known["r"], choose_colours(known, "r"))
    assert found.colour == "g-r"
    assert found.colour_term == pytest.approx(0.2, abs=0.02)
    at_half = found.nanojansky_per_electron * 10 ** (0.4 * found.colour_term * (0.5 - found.colour_zero))
    assert at_half == pytest.approx(2.0, rel=0.01)
    assert found.scatter < 0.02


def test_no_colour_term_is_made_of_noise_or_without_colours() -> None:
    seen, known = _stars(0.0)
    assert fit_photometry(seen, known["r"], choose_colours(known, "r")).colour is None
    assert choose_colours({"r": known["r"]}, "r") is None
    unknown = {"g": np.full(COUNT, np.nan), "r": known["r"]}
    assert fit_photometry(_stars(0.2)[0], known["r"], choose_colours(unknown, "r")).colour is None


def test_a_cloud_over_a_side_of_the_image_is_a_gradient() -> None:
    rng = np.random.default_rng(2)
    places = rng.uniform(0.0, [200.0, 100.0], (COUNT, 2))
    zero_points = 27.0 + 0.3 * places[:, 0] / 200.0 + rng.normal(0.0, 0.01, COUNT)
    # One of them varies.
    zero_points[0] += 2.0
    assert fit_gradient(zero_points, places, (200.0, 100.0)) == pytest.approx(0.3, abs=0.02)
    assert fit_gradient(zero_points[:9], places[:9], (200.0, 100.0)) is None
