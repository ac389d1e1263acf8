"""The number of false alarms of a match, on lists of positions that have nothing to do with each other."""

import numpy as np
from attrs import evolve

from prompt_pipelines.calibration import match_stars
from prompt_pipelines.significance import Evidence, PointSources, Tolerance, weigh_matches

TOLERANCE = Tolerance(largest_shift=10.0, radius=1.5, magnitudes=0.5)


def _strangers(rng: np.random.Generator, count: int) -> PointSources:
    """Scatter points over 300 x 300 arcsec."""
    ra, dec = rng.uniform(-150.0, 150.0, (2, count)) / 3600.0
    return PointSources(30.0 + ra, dec, 10 ** rng.uniform(2.0, 4.0, count))


def _evidence(sources: PointSources, reference: PointSources) -> Evidence | None:
    places = (sources.ra, sources.dec), (reference.ra, reference.dec)
    matches = match_stars(*places, TOLERANCE.largest_shift, TOLERANCE.radius)
    return weigh_matches(sources, reference, matches, TOLERANCE) if len(matches.first) else None


def test_chance_makes_no_more_matches_than_it_is_expected_to() -> None:
    rng = np.random.default_rng(1)
    fields = [_evidence(_strangers(rng, 60), _strangers(rng, 90)) for _ in range(300)]
    for expected in (1.0, 10.0, 100.0):
        as_good = sum(found is not None and found.false_alarms <= expected for found in fields)
        assert as_good <= expected * len(fields)
    assert not any(found is not None and found.false_alarms <= 0.01 for found in fields)


def test_each_star_that_agrees_makes_chance_less_likely() -> None:
    rng = np.random.default_rng(2)
    reference = _strangers(rng, 90)
    alarms = []
    for count in (3, 6, 12, 24):
        first = PointSources(reference.ra[:count], reference.dec[:count], reference.flux[:count] / 3.0)
        found = _evidence(first, reference)
        assert found is not None
        assert found.agreeing == count
        alarms.append(found.false_alarms)
    assert alarms == sorted(alarms, reverse=True)
    assert alarms[1] < 0.01
    assert alarms[-1] < 1e-15


def test_pairs_of_which_none_agrees_are_all_chance() -> None:
    reference = _strangers(np.random.default_rng(3), 2)
    found = _evidence(evolve(reference, flux=reference.flux * np.array([1.0, 100.0])), reference)
    assert found is not None
    assert found.agreeing == 0
    assert found.false_alarms == found.trials > 0.0
