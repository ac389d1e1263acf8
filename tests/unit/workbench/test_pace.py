"""How far work is told, and how it ends."""

import threading

import pytest

from workbench.pace import Pace, WorkStoppedError


def test_each_step_of_a_known_number_is_told_with_the_time_left() -> None:
    told: list[str] = []
    assert list(Pace(told.append, every=0.0).over("reading headers", "abc")) == ["a", "b", "c"]
    assert told[0] == "reading headers: 0 of 3"
    assert [line.rpartition(",")[0] for line in told[1:]] == [
        "reading headers: 1 of 3",
        "reading headers: 2 of 3",
    ]
    assert all(line.endswith(" s left") for line in told[1:])


def test_lines_are_not_told_more_often_than_wanted() -> None:
    told: list[str] = []
    pace = Pace(told.append, every=3600.0)
    for _ in range(10):
        pace.step("measuring exposures")
    assert len(told) <= 1


def test_work_ends_at_its_next_step() -> None:
    pace = Pace()
    ended = threading.Event()
    begun = threading.Event()

    def work() -> None:
        try:
            while True:
                pace.step("turning round")
                begun.set()
        except WorkStoppedError:
            ended.set()

    worker = threading.Thread(target=work)
    worker.start()
    assert begun.wait(10)
    pace.stop()
    worker.join(10)
    assert ended.is_set()
    with pytest.raises(WorkStoppedError):
        pace.step("anything else")


def test_what_must_come_to_its_end_is_told_and_not_begun_once_it_is_stopped() -> None:
    pace = Pace()
    seen = [pace.is_unbroken]
    with pace.unbroken():
        pace.stop()
        seen.append(pace.is_unbroken)
    seen.append(pace.is_unbroken)
    assert seen == [False, True, False]
    with pytest.raises(WorkStoppedError), pace.unbroken():
        pass


def test_more_steps_than_were_expected_tell_no_time_left() -> None:
    told: list[str] = []
    pace = Pace(told.append, every=0.0)
    for _ in range(4):
        pace.step("reading bias frames", 2)
    assert told[-1] == "reading bias frames: 3"
