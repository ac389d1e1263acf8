"""Numbers of their own for exposures that have those of others."""

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from domain.cameras.camera import RawKeyScheme
from domain.headers.header import InvalidHeaderError, read_exposure
from domain.headers.renumbered import number_by_time, renumbered
from domain.raws.raws import UnnameableRawError
from domain.times import TaiSeconds
from tests.unit.simulator.cameras import FACTS, make_camera

CARDS = {
    "INSTRUME": "TestCam",
    "SEQNUM": 21,
    "RAFTBAY": "R22",
    "CCDSLOT": "S12",
    "FILTER": "r_test",
    "EXPTIME": 30.0,
    "DATE-BEG": "2026-03-14T02:15:07",
}
GROUPED = make_camera(scheme=RawKeyScheme.GROUPED)
CAMERA = evolve(
    GROUPED,
    header=evolve(
        GROUPED.header,
        facts={
            fact: rule
            for fact, rule in GROUPED.header.facts.items()
            if fact not in {"obs_id", "group", "end"}
        },
    ),
)


def test_all_that_follows_from_the_number_is_another() -> None:
    first = read_exposure(CAMERA, CARDS)
    again = renumbered(CAMERA, first, CARDS, 2026031351307, "a.fits")
    assert again == evolve(
        first,
        exposure=2026031351307,
        obs_id="TestCam_2026031351307",
        group="TestCam_2026031351307",
        seqnum=51307,
    )
    assert number_by_time(CAMERA, first) == 2026031351307


@given(st.floats(0.0, 86_399.9))
def test_a_number_by_time_is_one_of_the_exposures_day(second: float) -> None:
    first = read_exposure(CAMERA, CARDS | {"DATE-BEG": "2026-03-13T12:00:00"})
    later = evolve(first, begin=TaiSeconds(first.begin + second))
    assert number_by_time(CAMERA, later) == 2026031300000 + int(second)


def test_where_nobody_would_know_the_number_there_is_none() -> None:
    first = read_exposure(CAMERA, CARDS)
    with pytest.raises(UnnameableRawError, match="keys of TestCam allow it no other"):
        renumbered(make_camera(), first, CARDS, 2026031351307, "a.fits")
    told = evolve(
        CAMERA, header=evolve(CAMERA.header, facts={**CAMERA.header.facts, "exposure": FACTS["seqnum"]})
    )
    with pytest.raises(InvalidHeaderError, match="SEQNUM"):
        renumbered(told, first, CARDS, 2026031351307, "a.fits")
