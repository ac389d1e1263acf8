"""What every archive of log lines must hold, in memory and for real."""

import abc

from domain.times import UtcSeconds
from domain.visit import Identity
from ports.night_board import LogArchive, LogLine

__all__ = ["LogArchiveContract", "LogBench", "a_line"]

IDENTITY = Identity("Lowell", "2026-03-14T02:15:07.310#2", 4)
_BEGAN = 1_773_454_000.0


def a_line(second: float, text: str = "stage begins", stage: str = "") -> LogLine:
    return LogLine(
        at=UtcSeconds(_BEGAN + second),
        level="INFO",
        process="worker-1",
        logger="application.worker.stages",
        text=text,
        stage=stage,
    )


class LogBench(abc.ABC):
    """An archive, and the processes that log into it."""

    archive: LogArchive

    @abc.abstractmethod
    def log(self, identity: Identity, *lines: LogLine) -> None:
        """Let a process log lines about a visit-detector."""


class LogArchiveContract:
    """Tests of `ports.night_board.LogArchive`."""

    async def test_what_was_logged_is_found_in_the_order_of_time(self, bench: LogBench) -> None:
        bench.log(IDENTITY, a_line(2.5), a_line(1.25, "begun", stage="prepare"))
        assert list(await bench.archive.lines(IDENTITY)) == [
            a_line(1.25, "begun", stage="prepare"),
            a_line(2.5),
        ]

    async def test_lines_about_others_are_left_out(self, bench: LogBench) -> None:
        bench.log(IDENTITY, a_line(1))
        for other in (Identity("Lowell", IDENTITY.group, 5), Identity("Lowell", "g2", 4)):
            bench.log(other, a_line(2))
        assert list(await bench.archive.lines(IDENTITY)) == [a_line(1)]

    async def test_of_many_the_last_are_listed(self, bench: LogBench) -> None:
        bench.log(IDENTITY, *[a_line(second) for second in range(30)])
        assert list(await bench.archive.lines(IDENTITY, limit=2)) == [a_line(28), a_line(29)]

    async def test_nothing_logged_is_nothing_listed(self, bench: LogBench) -> None:
        assert list(await bench.archive.lines(IDENTITY)) == []

    async def test_a_line_logged_later_is_found_later(self, bench: LogBench) -> None:
        bench.log(IDENTITY, a_line(1))
        await bench.archive.lines(IDENTITY)
        bench.log(IDENTITY, a_line(2, 'it said "no" \u2013 <b>twice</b>'))
        assert [line.text for line in await bench.archive.lines(IDENTITY)] == [
            "stage begins",
            'it said "no" \u2013 <b>twice</b>',
        ]

    def test_it_says_where_it_is(self, bench: LogBench) -> None:
        assert bench.archive.place
