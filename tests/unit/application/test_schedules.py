"""No visit is lost, and none done twice, whatever goes wrong in which order (semantics 1 to 12)."""

import os

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.application.schedules import (
    ATTEMPT_COSTS,
    AWAY,
    KINDS,
    Break,
    Schedule,
    run_schedule,
)

_EXAMPLES = int(os.environ.get("SCHEDULES", "40"))
"""How many are tried; ``SCHEDULES=3000`` takes a minute or two."""
_SECONDS_EACH = 1.0
"""What one schedule may take at most, on a machine that others use too."""
_VISITS = 3
_WORKERS = 3

breaks = st.builds(
    Break,
    kind=st.sampled_from(KINDS),
    when=st.floats(0.0, 140.0),
    which=st.integers(0, _VISITS - 1),
    length=st.floats(0.1, 30.0),
)


def is_survivable(them: list[Break]) -> bool:
    """An attempt is left for every visit, whoever is hit."""
    return sum(one.kind in ATTEMPT_COSTS for one in them) < 3


schedules = st.builds(
    Schedule,
    breaks=st.lists(breaks, max_size=8).filter(is_survivable).map(tuple),
    told=st.tuples(*[st.sampled_from(("once", "twice", "never"))] * _VISITS),
    cancelled=st.frozensets(st.integers(0, _VISITS - 1), max_size=1),
    snaps=st.tuples(*[st.integers(1, 2)] * _VISITS),
    offsets=st.tuples(*[st.sampled_from((0.0, -60.0, 60.0))] * _WORKERS),
)


# The broker comes back between two messages, and the writer deletes the first from the outbox.
_BROKER_AWAY_TWICE = Schedule(
    breaks=(Break("writer's topic away", 43.0, 0, 30.0), Break("writer's topic away", 74.0, 0, 8.0)),
    told=("once", "never", "once"),
    cancelled=frozenset(),
    snaps=(1, 1, 1),
    offsets=(0.0,) * _WORKERS,
)

_EXPORT_FAILS_FOUR_TIMES = Schedule(
    breaks=(Break("export fails", 0.0, 0, 1.0),) * 4,
    told=("once",) * _VISITS,
    cancelled=frozenset(),
    snaps=(1,) * _VISITS,
    offsets=(0.0,) * _WORKERS,
)


@pytest.mark.timeout(300 + _SECONDS_EACH * _EXAMPLES)
@settings(max_examples=_EXAMPLES, deadline=None)
@example(_BROKER_AWAY_TWICE)
@example(_EXPORT_FAILS_FOUR_TIMES)
@given(schedules)
def test_nothing_is_lost_and_nothing_done_twice(schedule: Schedule) -> None:
    assert run_schedule(schedule) == []


@pytest.mark.parametrize("when", [5.0, 38.0, 41.5, 61.0])
@pytest.mark.parametrize("kinds", [*[(kind,) for kind in AWAY], ("queue away", "ledger away"), tuple(AWAY)])
def test_ten_minutes_without_a_neighbour_or_without_all_cost_nothing(
    kinds: tuple[str, ...], when: float
) -> None:
    schedule = Schedule(
        breaks=tuple(Break(kind, when, 0, 600.0) for kind in kinds),
        told=("once", "twice", "never"),
        cancelled=frozenset(),
        snaps=(1, 2, 1),
        offsets=(0.0,) * _WORKERS,
        claim_seconds=900.0,
    )
    assert run_schedule(schedule) == []
