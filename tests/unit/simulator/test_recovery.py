"""What was found of the injected sources, counted by hand."""

import numpy as np
import pytest
from astropy.table import Table

from workbench.night.recovery import measure_recovery


def truth(*rows: tuple[int, int, str, float, float, float]) -> Table:
    names = ("exposure", "detector", "kind", "x", "y", "signal_to_noise")
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return Table(dict(zip(names, map(np.array, columns), strict=True)))


def found(*rows: tuple[int, int, float, float]) -> Table:
    columns = list(zip(*rows, strict=True)) or [()] * 4
    return Table(dict(zip(("visit", "detector", "x", "y"), map(np.array, columns), strict=True)))


SKY = truth(
    (1, 0, "star", 50.0, 50.0, 0.0),
    (1, 0, "transient", 10.0, 10.0, 20.0),
    (1, 0, "variable", 30.0, 10.0, -15.0),
    (1, 0, "mover", 80.0, 80.0, 4.0),
    (1, 1, "transient", 10.0, 10.0, 20.0),
)


def test_each_image_is_compared_with_its_own_truth() -> None:
    # A fading variable, a faint mover, a star that does not change, and nothing on the transient.
    sources = found((1, 0, 31.0, 11.0), (1, 0, 80.0, 79.0), (1, 0, 50.0, 50.0), (2, 0, 10.0, 10.0))
    recovery = measure_recovery(SKY, sources, {(1, 0)}, limit=10.0)
    assert (recovery.injected, recovery.recovered, recovery.false) == (2, 1, 1)
    assert recovery.false_per_image == pytest.approx(1.0)


def test_images_without_a_difference_do_not_count() -> None:
    recovery = measure_recovery(SKY, found(), set(), limit=10.0)
    assert (recovery.injected, recovery.images, recovery.false_per_image) == (0, 0, 0.0)


def test_an_image_on_which_nothing_was_found_counts() -> None:
    recovery = measure_recovery(SKY, found(), {(1, 0), (1, 1)}, limit=10.0)
    assert (recovery.injected, recovery.recovered, recovery.false) == (3, 0, 0)
