"""Text from outside on a terminal."""

from hypothesis import given
from hypothesis import strategies as st

from domain.visible_text import visible


def test_what_moves_a_cursor_or_turns_text_is_an_escape() -> None:
    assert visible("a\x1b[2J\r\n\u202eb\x9b1m") == r"a\x1b[2J\r\n\u202eb\x9b1m"
    assert visible("a\tb\nc\x07", keep_lines=True) == "a\tb\nc\\x07"


@given(st.text())
def test_everything_is_printable_and_what_was_is_kept(text: str) -> None:
    assert visible(text).isprintable()
    assert all(line.replace("\t", "").isprintable() for line in visible(text, keep_lines=True).split("\n"))
    if text.isprintable():
        assert visible(text) == text
