"""Which exposures make a template."""

import math

import numpy as np
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from workbench.templates.choice import Quality, choose

GOOD = Quality(begin=0.0, fwhm=0.8, noise=10.0, stars=200, covered=1.0)
MOST, FEWEST = 12, 3


def similar(number: int) -> st.SearchStrategy[list[Quality]]:
    """Make exposures none of which is so much worse than another that it is left out."""
    one = st.builds(
        Quality,
        begin=st.floats(0, 30_000),
        fwhm=st.floats(0.8, 1.0),
        noise=st.floats(9.0, 12.0),
        stars=st.integers(150, 250),
        covered=st.floats(0.7, 1.0),
    )
    return st.lists(one, min_size=number, max_size=24)


anything = st.lists(
    st.builds(
        Quality,
        begin=st.floats(-1e9, 1e9),
        fwhm=st.one_of(st.just(math.nan), st.floats(0.0, 10.0)),
        noise=st.one_of(st.just(math.nan), st.floats(0.0, 1e9)),
        stars=st.integers(0, 10_000),
        covered=st.floats(0.0, 1.0),
    ),
    max_size=24,
)


@given(anything)
def test_each_exposure_is_chosen_or_named(qualities: list[Quality]) -> None:
    choice = choose(dict(enumerate(qualities)), most=MOST, fewest=FEWEST)
    assert sorted([*choice.chosen, *choice.poor, *choice.spare]) == list(range(len(qualities)))
    assert all(choice.poor.values())
    assert len(choice.chosen) <= MOST
    known = sum(math.isfinite(one.cost) for one in qualities)
    assert len(choice.chosen) >= min(FEWEST, known)
    assert not choice.spare or len(choice.chosen) == MOST
    begins = [qualities[number].begin for number in choice.chosen]
    assert begins == sorted(begins)


@given(anything.flatmap(lambda told: st.tuples(st.just(told), st.permutations(told))))
def test_the_order_in_which_they_are_told_does_not_matter(
    told: tuple[list[Quality], list[Quality]],
) -> None:
    first, second = (choose(dict(enumerate(each)), most=MOST, fewest=FEWEST) for each in told)
    assert repr([told[0][n] for n in first.chosen]) == repr([told[1][n] for n in second.chosen])
    assert sorted(first.poor.values()) == sorted(second.poor.values())


@given(similar(MOST + 1))
def test_of_a_time_the_best_are_chosen_and_each_time_has_its_part(qualities: list[Quality]) -> None:
    named = dict(enumerate(qualities))
    choice = choose(named, most=MOST, fewest=FEWEST)
    assert len(choice.chosen) == MOST
    begin, end = (edge(one.begin for one in qualities) for edge in (min, max))
    slot = {
        name: min(int(4 * (one.begin - begin) / (end - begin)), 3) if end > begin else 0
        for name, one in named.items()
    }
    for number in range(4):
        chosen = [named[name].cost for name in choice.chosen if slot[name] == number]
        spare = [named[name].cost for name in choice.spare if slot[name] == number]
        assert len(chosen) >= min(3, len(chosen) + len(spare))
        assert not chosen or not spare or max(chosen) <= min(spare)


@given(similar(FEWEST), st.data())
def test_what_is_far_worse_has_no_part(qualities: list[Quality], data: st.DataObject) -> None:
    bad = data.draw(
        st.sampled_from(
            [
                evolve(GOOD, fwhm=1.6),
                evolve(GOOD, noise=30.0),
                evolve(GOOD, stars=20),
                evolve(GOOD, covered=0.1),
                evolve(GOOD, fwhm=math.nan),
                evolve(GOOD, covered=0.0),
            ]
        )
    )
    choice = choose({"bad": bad} | dict(enumerate(qualities)), most=MOST, fewest=FEWEST)
    assert list(choice.poor) == ["bad"]


def test_poor_ones_have_a_part_where_there_would_be_too_few() -> None:
    night = {"a": GOOD, "b": GOOD, "c": evolve(GOOD, fwhm=2.0), "d": evolve(GOOD, fwhm=1.8)}
    choice = choose(night, most=MOST, fewest=FEWEST)
    assert sorted(choice.chosen) == ["a", "b", "d"]
    assert choice.poor == {"c": 'its seeing is 2.00", that of others 0.80"'}


def test_a_night_that_gets_better_is_not_judged_by_its_first_exposures() -> None:
    seeing = np.linspace(1.6, 0.8, 40)
    night = {n: evolve(GOOD, begin=100.0 * n, fwhm=float(fwhm)) for n, fwhm in enumerate(seeing)}
    choice = choose(night, most=MOST, fewest=FEWEST)
    assert np.mean([seeing[n] for n in choice.chosen]) < 1.05
    assert len(choice.chosen) == MOST
