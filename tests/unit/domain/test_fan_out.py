import pytest

from domain.fan_out import FanOutConfig, UnconfiguredInstrumentError
from tests.strategies.cameras import visit

CONFIG = FanOutConfig(
    streams={"LSSTCam": "instrument:lsstcam", "HSC": "instrument:hsc"},
    detectors={
        "LSSTCam": frozenset(range(5)),
        "HSC": frozenset({4, 5}),
        "HSC-TEST-59134": frozenset({50}),
        "HSC-TEST-59142": frozenset(),
    },
)


@pytest.mark.parametrize(
    ("instrument", "sal_index", "active"),
    [
        ("LSSTCam", 1, {0, 1, 2, 3, 4}),
        ("HSC", 1, {4, 5}),
        ("HSC", 59134, {50}),
        ("HSC", 59142, set()),
        ("LSSTCam", 59134, {0, 1, 2, 3, 4}),
    ],
)
def test_test_visits_have_detectors_of_their_own(instrument: str, sal_index: int, active: set[int]) -> None:
    assert CONFIG.active_detectors(visit(instrument=instrument, sal_index=sal_index)) == active


def test_all_detectors_are_those_of_any_visit() -> None:
    assert CONFIG.all_detectors("HSC") == {4, 5, 50}
    assert CONFIG.all_detectors("LATISS") == frozenset()


def test_streams() -> None:
    assert CONFIG.stream("HSC") == "instrument:hsc"


def test_instruments_that_are_not_configured_are_named() -> None:
    with pytest.raises(UnconfiguredInstrumentError, match="'LATISS'"):
        CONFIG.stream("LATISS")
    with pytest.raises(UnconfiguredInstrumentError, match="'LATISS'"):
        CONFIG.active_detectors(visit(instrument="LATISS"))
