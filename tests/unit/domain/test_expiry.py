from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from domain.times import TaiSeconds, UtcSeconds, tai_from_utc
from domain.visit import Visit
from domain.work.expiry import age_of, clock_skew, has_expired
from tests.strategies.visits import instants, visits

NOW = UtcSeconds(1_773_454_482.4)


def sent(visit: Visit, seconds_ago: float) -> Visit:
    return evolve(visit, sent=tai_from_utc(UtcSeconds(NOW - seconds_ago)))


@given(visits(), st.floats(-100.0, 10_000.0))
def test_work_expires_by_its_age_in_one_scale(visit: Visit, seconds_ago: float) -> None:
    visit = sent(visit, seconds_ago)
    assert has_expired(visit, NOW, seconds_ago - 0.001)
    assert not has_expired(visit, NOW, max(seconds_ago, 0.0) + 0.001)


@given(visits(), st.floats(0.0, 10_000.0), st.floats(0.0, 10_000.0))
def test_work_that_was_put_back_ages_from_then(visit: Visit, seconds_ago: float, requeued_ago: float) -> None:
    visit = sent(visit, seconds_ago)
    age = age_of(visit, NOW, UtcSeconds(NOW - requeued_ago))
    assert abs(age - requeued_ago) < 1e-6


@given(visits(), instants())
def test_an_age_is_never_negative_and_a_skew_shows_instead(visit: Visit, stamp: TaiSeconds) -> None:
    visit = evolve(visit, sent=stamp)
    age, skew = age_of(visit, NOW), clock_skew(visit, NOW)
    assert min(age, skew) == 0.0
    assert age - skew == visit.age(NOW)
