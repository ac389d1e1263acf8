"""The night on a terminal: it fits, whatever the size, and counts everything."""

import re

from hypothesis import given
from hypothesis import strategies as st

from entrypoints.observatory.night_screen import ProgressScreen
from entrypoints.observatory.progress import Progress


def _progress(visits: int, detectors: int, done: int, busy: int, failed: int = 0) -> Progress:
    progress = Progress(
        (f"2026-03-14#{visit:04}", detector) for visit in range(visits) for detector in range(detectors)
    )
    for number, (group, detector) in enumerate(progress.rows):
        if number < done + busy:
            progress.heard("worker-1", {"group": group, "detector": detector, "stage": "process"}, 5.0)
        if number < done:
            outcome = "failed before change" if number < failed else "completed"
            record = {"group": group, "detector": detector, "outcome": outcome, "message": "why"}
            progress.heard("worker-1", record, 9.0)
    return progress


def _drawn(progress: Progress, width: int = 80, height: int = 23) -> list[str]:
    return [line.plain for line in ProgressScreen(progress).lines(12.0, width, height)]


@given(
    visits=st.integers(1, 40),
    detectors=st.sampled_from([1, 9, 189, 205]),
    shares=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    width=st.integers(40, 200),
    height=st.integers(5, 60),
)
def test_it_fits_and_the_counts_add_up(
    visits: int, detectors: int, shares: tuple[float, float], width: int, height: int
) -> None:
    total = visits * detectors
    done = int(total * shares[0])
    busy = int((total - done) * shares[1])
    lines = _drawn(_progress(visits, detectors, done, busy), width, height)
    assert len(lines) <= height
    assert all(len(line) <= width for line in lines)
    if width >= 80:
        assert (
            sum(int(number) for number in re.findall(r"(\d+) (?:completed|under way|to come)", lines[0]))
            == total
        )


def test_each_detector_of_a_few_has_its_letter() -> None:
    lines = _drawn(_progress(visits=3, detectors=9, done=11, busy=2, failed=1))
    assert "  2026-03-14#0000    9/9    !########" in lines
    assert "  2026-03-14#0001    2/9    ##ss....." in lines
    assert "  2026-03-14#0002    0/9    ........." in lines
    assert "    2026-03-14#0001 detector 2: process 7 s, worker-1" in lines


def test_of_189_detectors_there_are_counts() -> None:
    lines = _drawn(_progress(visits=2, detectors=189, done=189 + 100, busy=4))
    assert "  2026-03-14#0001  100/189  100# 85. 4s" in [line.rstrip() for line in lines]


def test_of_many_visits_those_under_way_are_shown() -> None:
    lines = _drawn(_progress(visits=100, detectors=9, done=9 * 50, busy=3))
    assert any("2026-03-14#0050" in line and "0/9" in line for line in lines)
    [left_out] = [line for line in lines if "visits before these" in line]
    before, after = map(int, re.findall(r"\d+", left_out))
    assert before + after + sum("/9 " in line for line in lines) == 100


def test_the_time_left_follows_the_rate() -> None:
    progress = _progress(visits=1, detectors=9, done=1, busy=1)
    screen = ProgressScreen(progress)
    screen.lines(10.0, 80, 23)
    for detector in range(1, 5):
        progress.heard("w", {"group": "2026-03-14#0000", "detector": detector, "outcome": "completed"}, 20.0)
    assert "about 10 s left" in screen.lines(20.0, 80, 23)[0].plain


def test_an_attempt_that_another_follows_is_not_under_way() -> None:
    progress = _progress(visits=1, detectors=9, done=0, busy=2)
    record = {"group": "2026-03-14#0000", "detector": 0, "outcome": "failed before change", "final": False}
    progress.heard("worker-1", record, 6.0)
    lines = _drawn(progress)
    assert "1 under way, 8 to come" in lines[0]
    assert "  2026-03-14#0000    0/9    rs......." in lines
    progress.heard("worker-2", {"group": "2026-03-14#0000", "detector": 0, "stage": "prepare"}, 7.0)
    assert "  2026-03-14#0000    0/9    ps......." in _drawn(progress)
