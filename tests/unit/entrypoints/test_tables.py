from hypothesis import given
from hypothesis import strategies as st

from entrypoints.commands.tables import ranges


@given(st.lists(st.integers(0, 60)))
def test_ranges_name_each_number_once(numbers: list[int]) -> None:
    named: list[int] = []
    for part in ranges(numbers).split():
        first, _, last = part.partition("-")
        named += range(int(first), int(last or first) + 1)
    assert named == sorted(set(numbers))


def test_neighbours_are_joined() -> None:
    assert ranges([7, 3, 0, 1, 2, 3, 9, 10]) == "0-3 7 9-10"
