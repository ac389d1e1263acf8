"""The simulated sky: what there is, where it is and how bright, at any time."""

import enum
from collections.abc import Sequence

import numpy as np
from attrs import fields, frozen

from domain.times import TaiSeconds
from simulator.errors import SimulatorError
from simulator.world.arrays import Bools, Floats, Integers
from simulator.world.changing import Transients, Variables, make_transients, make_variables
from simulator.world.solar_system.movers import Movers, make_movers
from simulator.world.stars import Patch, Stars, make_stars

__all__ = ["Kind", "PointSources", "Sky", "SkyDensity", "Stars", "make_sky"]


class Kind(enum.IntEnum):
    """What a source of light is."""

    STAR = 0
    VARIABLE = 1
    TRANSIENT = 2
    MOVER = 3


@frozen(kw_only=True, eq=False)
class PointSources:
    """What can be seen at one time in one band: columns of equal length."""

    number: Integers
    """Unique over the whole sky and all kinds."""
    kind: Integers
    """Values of `Kind`."""
    ra: Floats
    """Degrees ICRS."""
    dec: Floats
    """Degrees ICRS."""
    flux: Floats
    """nJy, above the atmosphere."""
    quiet: Floats
    """nJy, in a sky where nothing changes: of which templates are made."""

    def where(self, chosen: Bools) -> "PointSources":
        """Keep some of them."""
        return PointSources(**{name: getattr(self, name)[chosen] for name in _COLUMNS})


_COLUMNS = tuple(column.name for column in fields(PointSources))


@frozen(kw_only=True)
class SkyDensity:
    """How much there is of everything, per square degree.

    The numbers put some 80 stars and one of each other kind on the 1.7
    arcminutes of a small sensor.
    """

    stars: float = 100_000.0
    variables: float = 1_000.0
    transients: float = 1_000.0
    movers: float = 1_000.0


@frozen(kw_only=True, eq=False)
class Sky:
    """Everything in a round patch of sky.

    The same object gives the images and the truth to compare them with.
    """

    patch: Patch
    """There are no stars beyond."""
    bands: tuple[str, ...]
    stars: Stars
    variables: Variables
    transients: Transients
    movers: Movers

    def sources(self, band: str, instant: TaiSeconds) -> PointSources:
        """List what can be seen in a band at a time.

        Raises
        ------
        SimulatorError
            Raised if the sky knows nothing of the band.
        """
        self._check(band)
        variables, transients, movers = self.variables, self.transients, self.movers
        ra, dec = movers.sky(instant)
        return _together(
            self._stars(band),
            self._variables(band, variables.flux(band, instant)),
            _sources(Kind.TRANSIENT, transients, transients.flux(band, instant)),
            PointSources(
                number=movers.number,
                kind=np.full(movers.number.size, int(Kind.MOVER)),
                ra=ra,
                dec=dec,
                flux=movers.brightness[band],
                quiet=np.zeros(movers.number.size),
            ),
        )

    def quiet(self, band: str) -> PointSources:
        """List what is always there: stars, and variables at their mean.

        Raises
        ------
        SimulatorError
            Raised if the sky knows nothing of the band.
        """
        self._check(band)
        return _together(self._stars(band), self._variables(band, self.variables.mean[band]))

    def _stars(self, band: str) -> PointSources:
        return _sources(Kind.STAR, self.stars, self.stars.flux[band], quiet=self.stars.flux[band])

    def _variables(self, band: str, flux: Floats) -> PointSources:
        return _sources(Kind.VARIABLE, self.variables, flux, quiet=self.variables.mean[band])

    def _check(self, band: str) -> None:
        if band not in self.bands:
            raise SimulatorError(f"the simulated sky has no band {band!r}, only {', '.join(self.bands)}")


def make_sky(
    patch: Patch,
    bands: Sequence[str],
    *,
    seed: int,
    epoch: TaiSeconds,
    density: SkyDensity | None = None,
) -> Sky:
    """Fill a patch of sky; the same arguments give the same sky.

    Parameters
    ----------
    patch
        Where.
    bands
        In which anything has a flux.
    seed
        Of all that is random.
    epoch
        When movers are within the patch, and transients are recent.
    density
        How much of everything.
    """
    density = density or SkyDensity()
    generator = np.random.default_rng([seed, 0])
    per_kind = (density.stars, density.variables, density.transients, density.movers)
    counts = [int(generator.poisson(one * patch.area)) for one in per_kind]
    firsts = [1 + sum(counts[:kind]) for kind in Kind]
    return Sky(
        patch=patch,
        bands=tuple(bands),
        stars=make_stars(generator, patch, bands, count=counts[Kind.STAR], first=firsts[Kind.STAR]),
        variables=make_variables(
            generator, patch, bands, count=counts[Kind.VARIABLE], first=firsts[Kind.VARIABLE], epoch=epoch
        ),
        transients=make_transients(
            generator, patch, bands, count=counts[Kind.TRANSIENT], first=firsts[Kind.TRANSIENT], epoch=epoch
        ),
        movers=make_movers(
            generator, patch, bands, count=counts[Kind.MOVER], first=firsts[Kind.MOVER], epoch=epoch
        ),
    )


def _sources(
    kind: Kind, fixed: Stars | Variables | Transients, flux: Floats, *, quiet: Floats | None = None
) -> PointSources:
    """List things that do not move."""
    return PointSources(
        number=fixed.number,
        kind=np.full(fixed.number.size, int(kind)),
        ra=fixed.ra,
        dec=fixed.dec,
        flux=flux,
        quiet=np.zeros(flux.size) if quiet is None else quiet,
    )


def _together(*parts: PointSources) -> PointSources:
    return PointSources(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS}
    )
