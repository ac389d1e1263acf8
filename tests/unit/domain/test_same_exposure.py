"""Which frames one detector cannot both have taken."""

import pytest

from domain.raws.same_exposure import is_same, overlap
from domain.times import TaiSeconds
from tests.contract_suites.samples import an_exposure

BEGIN = an_exposure(21).begin


@pytest.mark.parametrize(
    ("later", "first_seconds", "is_one"),
    [(0.0, 0.0, True), (0.01, 0.0, False), (29.0, 30.0, True), (30.0, 30.0, False), (-29.0, 30.0, False)],
)
def test_exposures_overlap_while_the_first_lasts(later: float, first_seconds: float, is_one: bool) -> None:
    first = an_exposure(21, exposure_time=first_seconds)
    other = an_exposure(22, begin=TaiSeconds(BEGIN + later), exposure_time=1.0)
    assert overlap(first, other) is overlap(other, first) is is_one


def test_the_same_number_is_the_same_exposure_whenever_it_was() -> None:
    again = an_exposure(21, begin=TaiSeconds(BEGIN + 1e6))
    assert is_same(an_exposure(21), again)
    assert not is_same(an_exposure(21), an_exposure(21, detector=5))
