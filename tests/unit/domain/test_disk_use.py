"""A full disk is said a night before it happens, and not when there is room for long."""

from hypothesis import given
from hypothesis import strategies as st

from domain.disk_use import FreeSpace, forecast, watched

GB = 10**9
LOOKS = 6


def pass_night(nights: tuple[FreeSpace, ...], night: int, free: int, used: int) -> tuple[FreeSpace, ...]:
    for look in range(LOOKS + 1):
        nights = watched(nights, night, free - used * look // LOOKS)
    return nights


@given(st.integers(1, 50 * GB), st.integers(0, 3000 * GB))
def test_a_steady_site_is_warned_before_the_last_night_but_one_begins(rate: int, free: int) -> None:
    nights: tuple[FreeSpace, ...] = ()
    warned = False
    for night in range(20261001, 20261020):
        nights = watched(nights, night, free)
        if free < rate:  # It will be full in this night: known since the last one began, at the latest.
            assert warned or len(nights) <= 2
            return
        warned = forecast(nights, free).is_full_soon
        if len(nights) > 1:
            assert warned == (free < 2 * rate)
        nights = pass_night(nights, night, free, rate)
        free -= rate


@given(st.lists(st.integers(0, 100 * GB), min_size=4, max_size=8), st.integers(0, 100 * GB))
def test_the_greediest_of_the_last_nights_counts(used: list[int], greedy: int) -> None:
    nights: tuple[FreeSpace, ...] = ()
    for number, one in enumerate([*used, greedy]):
        nights = pass_night(nights, 20261001 + number, 1000 * GB, one)
    assert forecast(nights, 0).night == max(*used[-3:], greedy)


@given(st.integers(0, 100 * GB), st.integers(0, 100 * GB))
def test_what_was_removed_does_not_hide_what_a_night_took(used: int, removed: int) -> None:
    nights = watched(watched((), 20261001, 500 * GB), 20261001, 500 * GB - used)
    nights = watched(nights, 20261001, 500 * GB - used + removed, removed)
    assert nights[-1].used == used


def test_nothing_is_said_before_anything_is_known() -> None:
    assert not forecast((), 0).is_full_soon
    assert not forecast(watched((), 20261001, 5), 5).is_full_soon
