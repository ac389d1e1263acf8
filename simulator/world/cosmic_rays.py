"""Cosmic rays: straight tracks of electrons, one pixel wide."""

import numpy as np

from simulator.world.arrays import Floats

__all__ = ["cosmic_rays"]

_RATE = 0.5
"""Per second and square centimetre: some fifteen times the muons of a mountain, so that small
detectors get their share."""
_ELECTRONS_PER_PIXEL = 1500.0
"""Mean of what a track frees: a muon makes about 80 in a micrometre of silicon."""
_LONGEST = 15  # pixels


def cosmic_rays(
    generator: np.random.Generator, shape: tuple[int, int], *, exposure_time: float, pixel_size: float
) -> Floats:
    """Draw the tracks of one exposure.

    Parameters
    ----------
    generator
        Of all that is random.
    shape
        Rows and columns.
    exposure_time
        Seconds.
    pixel_size
        Micrometres.

    Returns
    -------
    electrons
        That they free in each pixel, indexed ``[y, x]``.
    """
    rows, columns = shape
    area = rows * columns * (pixel_size / 10_000) ** 2
    count = int(generator.poisson(_RATE * area * exposure_time))
    start = generator.uniform(0, 1, (count, 1, 2)) * (rows, columns)
    angle = generator.uniform(0, 2 * np.pi, (count, 1))
    steps = np.arange(_LONGEST)
    track = start + steps[:, None] * np.stack([np.sin(angle), np.cos(angle)], axis=-1)
    length = generator.integers(1, _LONGEST + 1, (count, 1))
    freed = generator.exponential(_ELECTRONS_PER_PIXEL, (count, 1)) * (steps < length)
    y, x = np.floor(track).astype(int).reshape(-1, 2).T
    inside = (y >= 0) & (y < rows) & (x >= 0) & (x < columns)
    electrons = np.zeros(shape)
    np.add.at(electrons, (y[inside], x[inside]), freed.ravel()[inside])
    return electrons
