"""How bright things are, and how many electrons that makes in the simulated telescope."""

import math

import numpy as np

from simulator.world.arrays import Floats

__all__ = ["SKY_MAGNITUDE", "electrons_per_second", "flux_from_magnitude"]

_AB_ZERO_POINT = 31.4
"""AB magnitude of 1 nJy, rounded as Rubin's pipelines do."""
_TELESCOPE_ZERO_POINT = 28.0
"""AB magnitude that gives one electron a second: about that of an 8 m telescope."""

SKY_MAGNITUDE = 21.0
"""AB magnitude of one square arcsecond of dark sky."""


def flux_from_magnitude(magnitude: Floats | float) -> Floats:
    """Compute fluxes in nJy from AB magnitudes."""
    return np.asarray(10 ** ((_AB_ZERO_POINT - np.asarray(magnitude)) / 2.5))


def electrons_per_second(flux: Floats | float) -> Floats:
    """Compute how many electrons a second fluxes in nJy make."""
    return np.asarray(flux) * math.pow(10, (_TELESCOPE_ZERO_POINT - _AB_ZERO_POINT) / 2.5)
