"""Whether a match of sources to reference stars could have come about by chance."""

import numpy as np
from attrs import frozen
from scipy.spatial import KDTree
from scipy.special import gammainc

from prompt_pipelines.arrays import Floats
from prompt_pipelines.sky_matching import Matches, on_plane

__all__ = ["Evidence", "PointSources", "Tolerance", "chance_pairs", "weigh_matches", "weigh_pattern"]

_WIDE = 3.0  # times the largest distance of a pair that takes part: where their density is counted
_AROUND = 30.0  # arcseconds; the same for patterns


@frozen(eq=False)
class PointSources:
    """Positions and brightnesses of sources, or of reference stars."""

    ra: Floats
    """Degrees."""
    dec: Floats
    flux: Floats
    """Positive; of any unit."""

    def __getitem__(self, chosen: np.ndarray) -> "PointSources":
        return PointSources(self.ra[chosen], self.dec[chosen], self.flux[chosen])


@frozen(kw_only=True)
class Tolerance:
    """How a match was looked for."""

    largest_shift: float
    """Arcseconds."""
    radius: float
    """Arcseconds between a source, once shifted, and its star."""
    magnitudes: float
    """Between a source, once its zero point is known, and its star."""


@frozen(kw_only=True)
class Evidence:
    """What speaks for a match."""

    agreeing: int
    """Pairs whose brightnesses agree."""
    by_chance: float
    """Pairs expected to agree by chance with any one shift and zero point."""
    trials: float
    """Hypotheses to try: pairs that give a shift, or pairs of pairs that give a turn as well."""
    false_alarms: float
    """Matches as good as this one that chance would make on average in all trials, at most."""
    flux_scatter: float
    """Robust standard deviation of one pair, magnitudes."""


def weigh_matches(
    sources: PointSources, reference: PointSources, matches: Matches, tolerance: Tolerance
) -> Evidence:
    r"""Reckon how many matches as good as this one chance would make.

    Each pair of a source and a star is a hypothesis: it gives a shift and a
    zero point, with which other pairs agree or not. If the sources had nothing
    to do with the stars, pairs would be spread evenly over shifts, with a
    density :math:`\lambda`, and of matches with :math:`k` agreeing pairs there would be at most

    .. math:: N = \lambda \pi (R + r)^2 \; P(X \ge k - 1), \qquad
              X \sim \mathrm{Poisson}(\lambda \pi (2r)^2 f)

    on average, with the largest shift :math:`R`, the radius of a match
    :math:`r`, and :math:`f` the share of all pairs whose zero point is within
    twice the tolerance of the match's: pairs that are within a tolerance of
    a shift and zero point are within twice as much of each other's. This is the
    number of false alarms of Desolneux, Moisan and Morel (2000, International
    Journal of Computer Vision 40, 7): tests times tail of the background model.

    The density is that of pairs up to 3 (R + r) apart, so it is right for
    sources and stars that are clustered, and for a catalogue that ends. It counts the
    pairs of the match itself as if they were chance.

    Parameters
    ----------
    sources, reference
        That were matched.
    matches
        Of `sources` (first) and `reference` (second); at least one.
    tolerance
        With which they were made.
    """
    reach = tolerance.largest_shift + tolerance.radius
    density = _density_of_pairs(sources, reference, _WIDE * reach)
    trials = density * np.pi * reach**2
    return _weigh(sources, reference, matches, tolerance, _Null(density=density, trials=trials, pairs=1))


def weigh_pattern(
    sources: PointSources, reference: PointSources, matches: Matches, tolerance: Tolerance, *, searched: int
) -> Evidence:
    r"""Reckon as `weigh_matches` how many matches as good chance would make of any shift, turn and mirroring.

    Here two pairs of sources and stars are a hypothesis, in either parity. Of a
    match, take the two pairs that are farthest apart: where each is off by the radius :math:`r` at most,
    no position between them is off by more than twice as much, so that all pairs
    of the match are within :math:`3r` of the hypothesis. With :math:`n` sources and
    :math:`m` stars there would be at most

    .. math:: N = n (n - 1) m (m - 1) \; P(X \ge k - 2), \qquad
              X \sim \mathrm{Poisson}(\lambda \pi (3r)^2 f)

    matches with :math:`k` agreeing pairs. The density is that of pairs up to 30
    arcsec apart, where the match puts the sources: it is greater in a cluster.

    Parameters
    ----------
    sources
        Where the match puts them.
    reference
        The stars there.
    matches
        Of `sources` (first) and `reference` (second); at least one.
    tolerance
        With which they were made; of shifts it does not matter.
    searched
        How many stars there are in the whole area that was searched.
    """
    wide = max(_AROUND, 10.0 * tolerance.radius)
    density = _density_of_pairs(sources, reference, wide)
    here = len(sources.ra)
    trials = float(here) * (here - 1.0) * searched * (searched - 1.0)
    return _weigh(sources, reference, matches, tolerance, _Null(density=density, trials=trials, pairs=2))


@frozen(kw_only=True)
class _Null:
    """What would be if sources and stars had nothing to do with each other."""

    density: float
    """Pairs for each square arcsecond that their offsets may have."""
    trials: float
    """Hypotheses."""
    pairs: int
    """That make one hypothesis."""


def _weigh(
    sources: PointSources, reference: PointSources, matches: Matches, tolerance: Tolerance, null: _Null
) -> Evidence:
    zero_points = 2.5 * np.log10(reference.flux[matches.second] / sources.flux[matches.first])
    zero_point = float(np.median(zero_points))
    off = np.abs(zero_points - zero_point)
    agreeing = int(np.count_nonzero(off <= tolerance.magnitudes))
    by_chance, as_good = (
        null.density
        * np.pi
        * (times * tolerance.radius) ** 2
        * _share_of_pairs(sources.flux, reference.flux, zero_point, wider * tolerance.magnitudes)
        for times, wider in ((1.0, 1.0), (1.0 + null.pairs, 2.0))
    )
    return Evidence(
        agreeing=agreeing,
        by_chance=by_chance,
        trials=null.trials,
        false_alarms=null.trials * _probability(agreeing - null.pairs, as_good),
        flux_scatter=1.4826 * float(np.median(off)),
    )


def chance_pairs(
    sources: PointSources, reference: PointSources, zero_point: float, magnitudes: float
) -> float:
    """Count the pairs for each square arcsecond that lie together and agree in brightness by chance."""
    share = _share_of_pairs(sources.flux, reference.flux, zero_point, magnitudes)
    return _density_of_pairs(sources, reference, _AROUND) * share


def _probability(events: int, expected: float) -> float:
    """Tell how likely so many events are, or more, by Poisson's distribution."""
    return float(gammainc(events, expected)) if events > 0 else 1.0


def _density_of_pairs(sources: PointSources, reference: PointSources, radius: float) -> float:
    """Count pairs for each square arcsecond that their offsets may have."""
    here, there = on_plane((sources.ra, sources.dec), (reference.ra, reference.dec))
    return float(KDTree(here).count_neighbors(KDTree(there), radius)) / (np.pi * radius**2)


def _share_of_pairs(flux: Floats, reference: Floats, zero_point: float, magnitudes: float) -> float:
    """Tell which share of all pairs differs by a zero point, give or take some magnitudes."""
    known = np.sort(reference)
    low, high = (flux * 10 ** (0.4 * (zero_point + off)) for off in (-magnitudes, magnitudes))
    inside = np.searchsorted(known, high, side="right") - np.searchsorted(known, low)
    return float(inside.mean()) / len(known)
