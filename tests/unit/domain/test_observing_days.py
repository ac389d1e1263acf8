import datetime

from hypothesis import given
from hypothesis import strategies as st

from domain.times import UtcSeconds, begin_of_day_obs, day_obs_of

_DAY = datetime.timedelta(days=1)


@given(st.dates(datetime.date(1970, 1, 2), datetime.date(2099, 12, 30)))
def test_a_day_begins_where_the_one_before_ends(day: datetime.date) -> None:
    begin = begin_of_day_obs(day)
    assert day_obs_of(begin) == day
    assert day_obs_of(UtcSeconds(begin - 0.001)) == day - _DAY
    assert day_obs_of(UtcSeconds(begin_of_day_obs(day + _DAY) - 0.001)) == day


def test_a_day_begins_at_noon_tai() -> None:
    # 37 leap seconds since 2017.
    noon = datetime.datetime(2026, 3, 13, 12, tzinfo=datetime.UTC).timestamp()
    assert begin_of_day_obs(datetime.date(2026, 3, 13)) == noon - 37
