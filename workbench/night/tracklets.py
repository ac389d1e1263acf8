"""Tables of tracklets, and of what is new."""

from collections.abc import Iterable, Mapping, Sequence

import astropy.units as u
from astropy.table import Table

from domain.evidence import Finding
from domain.movers.tracklet import Tracklet
from domain.results.sources import true_kind_of
from workbench.night.apdb import source_table

__all__ = ["finding_lines", "finding_table", "sighting_table", "tracklet_table"]

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


def finding_table(findings: Sequence[Finding], kinds: Mapping[int, str] | None = None) -> Table:
    """Make a table of what was found, which is in the order in which it is given.

    Parameters
    ----------
    findings
        What was found.
    kinds
        What DiaSources of a simulated night truly are.

    Returns
    -------
    findings
        ``rank`` from 1, ``label``, ``ra`` and ``dec`` (degrees ICRS), ``sightings``, ``snr`` (of the
        strongest), ``object`` (0 of what moves), ``strongest`` (the DiaSource), ``reasons``, ``body`` (the
        designation of a known one, or blank); of a simulated night, whose DiaSources' `kinds` are known,
        ``truth``.
    """
    names = ("rank", "label", "ra", "dec", "sightings", "snr", "object", "strongest", "reasons", "body")
    rows = [
        (
            rank, str(one.label), *one.position, len(one.sightings), one.strongest.snr, one.object_id,
            one.strongest.source_id, "; ".join(one.reasons), one.body,
        )
        for rank, one in enumerate(findings, 1)
    ]  # fmt: skip
    table = Table(rows=rows, names=names) if rows else Table(names=names)
    if kinds:
        table["truth"] = [true_kind_of(one.sightings, kinds) for one in findings]
    return table


def finding_lines(findings: Iterable[Finding], kinds: Mapping[int, str] | None = None) -> list[str]:
    """Say of each what it is and why, for people; of a simulated night, what it truly is, by DiaSource."""
    return [
        f"  {rank}. {' '.join((one.label, one.body)).strip()}:"
        f" ra {one.position[0]:.5f} dec {one.position[1]:+.5f},"
        f" S/N {one.strongest.snr:.0f}; {'; '.join(one.reasons)}"
        + (f"; the simulator's truth: {true}" if (true := true_kind_of(one.sightings, kinds or {})) else "")
        for rank, one in enumerate(findings, 1)
    ]
