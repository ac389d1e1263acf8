"""Which frames make a template, and when another is better."""

from typing import Any, cast

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from lsst.images import Box

from workbench.coadds.choosing import FEWEST, Quality, choose, improvement
from workbench.coadds.frames import Frame


def frame(night: int, number: int, *, seeing: float = 1.0, noise: float = 100.0) -> Frame:
    return Frame(
        visit=night * 100000 + number,
        detector=0,
        band="r",
        night=night,
        ref=cast(Any, None),
        projection=cast(Any, None),
        box=Box.from_shape((10, 10)),
        scale=1.0,
        seeing=seeing,
        noise=noise,
    )


def everywhere(frames: list[Frame]) -> np.ndarray:
    return np.ones((len(frames), 4), dtype=bool)


def test_the_best_are_taken_in_turn_from_each_night() -> None:
    long_night = [frame(20260313, number, noise=100.0 + number) for number in range(20)]
    short_night = [frame(20260314, number, noise=150.0 + number) for number in range(3)]
    frames = [*long_night, *short_night]
    choice = choose(frames, everywhere(frames), most=6)
    assert choice is not None
    assert set(choice.frames) == {*long_night[:3], *short_night}
    assert choice.quality.nights == (20260313, 20260314)


def test_what_is_blurred_or_cloudy_is_left_out_while_there_is_better() -> None:
    good = [frame(20260313, number) for number in range(3)]
    blurred = frame(20260314, 1, seeing=2.0, noise=90.0)
    cloudy = frame(20260314, 2, noise=500.0)
    frames = [blurred, *good, cloudy]
    choice = choose(frames, everywhere(frames), most=3)
    assert choice is not None
    assert blurred in choice.frames  # of the second night the best there is
    assert cloudy not in choice.frames
    same_night = [evolve(one, night=20260313) for one in frames]
    choice = choose(same_night, everywhere(frames), most=3)
    assert choice is not None
    assert [one.seeing for one in choice.frames] == [1.0, 1.0, 1.0]


@given(st.integers(0, 12), st.integers(3, 6), st.randoms(use_true_random=False))
def test_each_place_has_as_many_as_there_are_up_to_the_most(number: int, most: int, random: Any) -> None:
    frames = [frame(20260313 + random.randrange(3), i, noise=random.uniform(50, 100)) for i in range(number)]
    covered = np.array([[random.random() < 0.6 for _ in range(5)] for _ in frames], dtype=bool).reshape(-1, 5)
    choice = choose(frames, covered, most)
    there = covered.sum(axis=0)
    if choice is None:
        assert not (there >= FEWEST).any()
        return
    chosen = covered[[frames.index(one) for one in choice.frames]].sum(axis=0)
    assert (chosen >= np.minimum(there, most)).all()
    assert choice.quality.coverage == pytest.approx((chosen >= FEWEST).mean())


OLD = Quality(frames=5, nights=(20260313,), seeing=1.0, depth=22.0, coverage=0.9)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""),
        ({"depth": 22.2}, "deeper by 0.20 mag"),
        ({"depth": 22.02}, ""),
        ({"depth": 22.2, "seeing": 1.4}, ""),
        ({"seeing": 0.8}, "sharper: 0.80 instead of 1.00 arcsec"),
        ({"seeing": 0.8, "depth": 21.0}, ""),
        ({"coverage": 1.0, "depth": 21.5}, "covers 100 % instead of 90 %"),
        ({"coverage": 0.5, "depth": 23.0}, ""),
    ],
)
def test_a_template_is_built_anew_if_it_becomes_better(changes: dict[str, Any], said: str) -> None:
    assert improvement(evolve(OLD, **changes), OLD) == said


def test_one_of_which_nothing_is_known_is_replaced_by_what_covers_more() -> None:
    unknown = evolve(OLD, seeing=None, depth=None)
    assert improvement(OLD, unknown) == ""
    assert improvement(evolve(OLD, coverage=1.0), unknown) == "covers 100 % instead of 90 %"
