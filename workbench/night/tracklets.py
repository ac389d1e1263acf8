"""Tables of tracklets."""

from collections.abc import Iterable

import astropy.units as u
from astropy.table import Table

from domain.movers.tracklet import Tracklet
from workbench.night.apdb import source_table

__all__ = ["sighting_table", "tracklet_lines", "tracklet_table"]

_UNITS = {
    "mjd": u.d, "ra": u.deg, "dec": u.deg, "arc": u.min, "rate": u.arcsec / u.min, "position_angle": u.deg,
    "magnitude": u.mag, "rms": u.arcsec,
}  # fmt: skip


def tracklet_table(tracklets: Iterable[Tracklet]) -> Table:
    """Make a table of tracklets, which are in the order in which they are given.

    Returns
    -------
    tracklets
        ``tracklet`` (that of its first DiaSource), ``sightings``, ``mjd`` (days TAI), ``ra`` and ``dec``
        at that time (degrees ICRS), ``arc`` (minutes from first to last), ``rate`` (arcseconds a minute),
        ``position_angle`` (degrees from north through east), ``magnitude`` (AB, mean), ``rms`` (of the
        residuals, arcseconds), ``chi_squared`` (for each degree of freedom), ``strongest`` (the DiaSource).
    """
    names = ("tracklet", "sightings", *_UNITS, "chi_squared", "strongest")
    rows = [
        (
            one.identifier,
            len(one.sightings),
            *(getattr(one, name) for name in _UNITS),
            one.chi_squared,
            one.strongest.source_id,
        )
        for one in tracklets
    ]
    table = Table(rows=rows, names=names) if rows else Table(names=names)
    for name, unit in _UNITS.items():
        table[name].unit = unit
    return table


def sighting_table(tracklet: Tracklet) -> Table:
    """Make a table of a tracklet's sightings.

    Returns
    -------
    sightings
        The columns of `workbench.night.apdb.source_table`, ``residual_east`` and ``residual_north``
        (arcseconds).
    """
    table = source_table(tracklet.sightings)
    for name in ("east", "north"):
        table[f"residual_{name}"] = [getattr(one, name) for one in tracklet.residuals] * u.arcsec
    return table


def tracklet_lines(tracklets: Iterable[Tracklet]) -> list[str]:
    """Say of each tracklet what it is, for people."""
    return [
        f"moves: ra {one.ra:.5f} dec {one.dec:+.5f}, {len(one.sightings)} times in {one.arc:.0f} min,"
        f' {one.rate:.3f}"/min towards {one.position_angle:.0f} deg, mag {one.magnitude:.1f},'
        f' residuals {one.rms:.2f}"'
        for one in tracklets
    ]
