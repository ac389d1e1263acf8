"""What a rehearsal answers, of nights small enough to be reckoned by hand."""

import pytest
from attrs import evolve

from domain.work.promptness import Promptness
from entrypoints.containers.memory.night import MemoryNight
from entrypoints.rehearsal.errors import RehearsalError
from entrypoints.rehearsal.faults import AWAY, Fault
from entrypoints.rehearsal.keda import JobRules
from entrypoints.rehearsal.play import play
from entrypoints.rehearsal.pool import Keda
from entrypoints.rehearsal.schedule import by_cadence, from_records
from entrypoints.rehearsal.search import find_workers
from entrypoints.rehearsal.stage_times import DEFAULT, Samples, times_of_night
from tests.unit.entrypoints.rehearsal.nights import TIMES, rehearsed, small


def test_with_a_worker_for_everything_the_minute_is_transfer_and_science() -> None:
    figures = rehearsed(small())
    assert figures.fared == {Promptness.IN_TIME: 8, Promptness.LATE: 0, Promptness.FAILED: 0}
    assert figures.outcomes == {"completed": 8}
    assert figures.spent["shutter to alerts"].longest == pytest.approx(5 + 1 + 35, abs=0.1)
    assert figures.spent["transfer"].median == pytest.approx(5.0, abs=0.1)
    assert "waiting for a worker" not in figures.spent


def test_with_one_worker_the_others_wait() -> None:
    figures = rehearsed(small(visits=2, detectors=2), 1)
    assert figures.fared[Promptness.LATE] == 3
    assert figures.most_waiting.waiting == 3
    assert figures.spent["waiting for a worker"].longest > 60
    assert not figures.all_met


def test_the_same_seed_is_the_same_night() -> None:
    def spent(seed: int) -> object:
        return rehearsed(small(stage_times=DEFAULT, seed=seed), 6).as_dict()

    assert spent(1) == spent(1) != spent(2)


def test_jobs_of_keda_begin_when_their_pods_are_up() -> None:
    keda = Keda(rules=JobRules(most=5), polling=2.0, pod_start=30.0)
    figures = rehearsed(small(visits=3, detectors=2), keda)
    assert figures.most_running == 5
    assert figures.started == 5
    assert figures.fared[Promptness.IN_TIME] == 6


def test_the_fewest_workers_are_found() -> None:
    plan = small(visits=6, detectors=2)
    found = find_workers(lambda many: rehearsed(plan, many), plan.most_at_once)
    assert found.workers is not None
    assert found.figures.all_met
    assert not rehearsed(plan, found.workers - 1).all_met


def test_no_number_of_workers_mends_slow_science() -> None:
    steps = {**TIMES.steps, "process": Samples((70.0,))}
    plan = small(visits=2, detectors=1, stage_times=evolve(TIMES, steps=steps))
    found = find_workers(lambda many: rehearsed(plan, many), plan.most_at_once)
    assert found.workers is None
    assert found.figures.fared[Promptness.LATE] == 2


def test_an_outage_is_recovered_from_and_told() -> None:
    fault = Fault(kind="ledger away", begin=60.0, length=90.0)
    figures = rehearsed(small(visits=8, detectors=1, faults=(fault,)), 8)
    assert figures.outcomes == {"completed": 8}
    [recovery] = figures.recoveries
    assert recovery.fault == fault
    assert 0 < recovery.not_in_time < 8
    assert recovery.not_in_time == figures.fared[Promptness.LATE]
    assert recovery.seconds < 120


@pytest.mark.parametrize("kind", ["kill worker", "kill fan-out", "kill indexer", "kill writer"])
def test_work_of_the_killed_is_done_by_others(kind: str) -> None:
    fault = Fault(kind=kind, begin=55.0, length=10.0, number=2)
    figures = rehearsed(small(faults=(fault,)))
    assert figures.outcomes == {"completed": 8}
    assert figures.started == (10 if kind == "kill worker" else 8)


def test_a_night_can_be_rehearsed_from_the_records_of_another() -> None:
    plan = small(stage_times=DEFAULT, visits=6, detectors=3)
    records = play(plan, 12).records
    again = from_records(records, 30.0)
    assert [one.opens - one.announced for one in again] == pytest.approx([20.0] * 6, abs=0.5)
    assert [one.announced for one in again] == pytest.approx([35.0 * number for number in range(6)], abs=0.5)
    times = times_of_night(records, "the first")
    first, second = rehearsed(plan, 12), rehearsed(small(visits=6, detectors=3, stage_times=times), 12)
    for part in ("shutter to alerts", "process"):
        assert second.spent[part].median == pytest.approx(first.spent[part].median, rel=0.1)


def test_a_night_longer_than_a_day_is_refused() -> None:
    plan = evolve(small(), visits=by_cadence(2, 80_000.0, 30.0, 1, 20.0))
    with pytest.raises(RehearsalError, match="22 h at most"):
        play(plan, 1)


def test_each_neighbour_that_can_be_away_has_an_outage_to_be_set() -> None:
    """On anything else the word would be kept, and nothing be away."""
    night = MemoryNight()
    assert {kind: getattr(night, part).outage for kind, part in AWAY.items()} == dict.fromkeys(AWAY, "")
