"""What changes its brightness: variable stars and transients."""

from collections.abc import Mapping, Sequence

import numpy as np
from attrs import frozen

from domain.times import TaiSeconds
from simulator.world.arrays import Floats, Integers
from simulator.world.stars import Patch, colours, scatter

__all__ = ["Transients", "Variables", "make_transients", "make_variables"]

_DAY = 86_400.0
_VARIABLE_MAGNITUDES = (18.0, 21.5)
_AMPLITUDES = (0.25, 0.6)  # of the mean flux
_PERIODS = (0.1, 0.9)  # days, as of RR Lyrae stars and their like
_TRANSIENT_MAGNITUDES = (18.0, 21.5)  # at maximum
_MAXIMA = (-15.0, 1.0)  # days, from the sky's epoch
_RISE, _DECAY = 3.0, 20.0  # days in which the flux changes by a factor e, as of a supernova


@frozen(kw_only=True, eq=False)
class Variables:
    """Stars whose light goes up and down as a sine: columns of equal length."""

    number: Integers
    ra: Floats
    """Degrees ICRS."""
    dec: Floats
    """Degrees ICRS."""
    mean: Mapping[str, Floats]
    """nJy, by band."""
    amplitude: Floats
    """Of the mean flux, the same in all bands."""
    period: Floats
    """Days."""
    phase: Floats
    """Radians, at the epoch."""
    epoch: TaiSeconds

    def flux(self, band: str, instant: TaiSeconds) -> Floats:
        """Compute fluxes in nJy."""
        angle = 2 * np.pi * (instant - self.epoch) / _DAY / self.period + self.phase
        return np.asarray(self.mean[band] * (1 + self.amplitude * np.sin(angle)))


@frozen(kw_only=True, eq=False)
class Transients:
    """New stars that rise and fade exponentially: columns of equal length."""

    number: Integers
    ra: Floats
    """Degrees ICRS."""
    dec: Floats
    """Degrees ICRS."""
    maximum: Mapping[str, Floats]
    """nJy, by band."""
    time: Floats
    """Of the maximum, days from the epoch."""
    epoch: TaiSeconds

    def flux(self, band: str, instant: TaiSeconds) -> Floats:
        """Compute fluxes in nJy."""
        since = (instant - self.epoch) / _DAY - self.time
        return np.asarray(self.maximum[band] * np.exp(np.where(since < 0, since / _RISE, -since / _DECAY)))


def make_variables(
    generator: np.random.Generator,
    patch: Patch,
    bands: Sequence[str],
    *,
    count: int,
    first: int,
    epoch: TaiSeconds,
) -> Variables:
    """Scatter variable stars over a patch of sky; see `simulator.world.stars.make_stars`."""
    ra, dec = scatter(generator, patch, count)
    return Variables(
        number=np.arange(first, first + count),
        ra=ra,
        dec=dec,
        mean=colours(generator, generator.uniform(*_VARIABLE_MAGNITUDES, count), bands),
        amplitude=generator.uniform(*_AMPLITUDES, count),
        period=generator.uniform(*_PERIODS, count),
        phase=generator.uniform(0, 2 * np.pi, count),
        epoch=epoch,
    )


def make_transients(
    generator: np.random.Generator,
    patch: Patch,
    bands: Sequence[str],
    *,
    count: int,
    first: int,
    epoch: TaiSeconds,
) -> Transients:
    """Scatter transients over a patch of sky; see `simulator.world.stars.make_stars`."""
    ra, dec = scatter(generator, patch, count)
    return Transients(
        number=np.arange(first, first + count),
        ra=ra,
        dec=dec,
        maximum=colours(generator, generator.uniform(*_TRANSIENT_MAGNITUDES, count), bands),
        time=generator.uniform(*_MAXIMA, count),
        epoch=epoch,
    )
