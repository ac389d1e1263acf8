import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from entrypoints.commands.tables import console, ranges, table
from entrypoints.saying import say
from entrypoints.screen import Screen


@given(st.lists(st.integers(0, 60)))
def test_ranges_name_each_number_once(numbers: list[int]) -> None:
    named: list[int] = []
    for part in ranges(numbers).split():
        first, _, last = part.partition("-")
        named += range(int(first), int(last or first) + 1)
    assert named == sorted(set(numbers))


def test_neighbours_are_joined() -> None:
    assert ranges([7, 3, 0, 1, 2, 3, 9, 10]) == "0-3 7 9-10"


def test_a_hostile_name_cannot_change_the_terminal() -> None:
    shown = Console(record=True, width=80, file=io.StringIO())
    shown.print(table("T", ("group",), [("a\x1b[31m\nb",)]))
    assert r"a\x1b[31m\nb" in shown.export_text()


def test_no_line_changes_the_terminal_or_shows_a_password(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "\x1b[2Ja group\r at redis://user:secret@host/0"
    say(hostile)
    console().print(f"not there: {hostile}")
    Screen(stderr=True).print(hostile, markup=False)
    written = capsys.readouterr()
    for line in (written.out + written.err).splitlines():
        assert r"\x1b[2Ja group\r at redis://host/0" in line
