"""Of the thousand nights one; the others are for ``make chaos-thousand``."""

from attrs import evolve

from tests.chaos.thousand import SIZES, make_night
from tests.unit.application.schedules import Break, run_schedule


def test_a_night_of_long_outages_loses_nothing() -> None:
    assert run_schedule(make_night(1, SIZES["usual"])) == []


def test_a_night_that_loses_a_visit_is_told() -> None:
    night = evolve(make_night(1, SIZES["usual"]), snaps=(1,), told=("once",), cancelled=frozenset())
    failing = tuple(Break("process fails", 0.0, worker, 1.0) for worker in range(6)) * 3
    assert run_schedule(evolve(night, breaks=failing)) != []
