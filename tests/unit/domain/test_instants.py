import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.cameras.camera import CardRule
from domain.headers.cards import InvalidHeaderError
from domain.headers.instants import instant
from domain.times import UtcSeconds, tai_from_utc

UTC = CardRule(cards=("T",), format="isot", time_scale="utc")
moments = st.datetimes(datetime.datetime(1980, 1, 1), datetime.datetime(2090, 1, 1))  # noqa: DTZ001 - the strategy wants it so
offsets = st.integers(-14 * 60, 14 * 60).map(
    lambda minutes: datetime.timezone(datetime.timedelta(minutes=minutes))
)


@given(moments, offsets, st.sampled_from(["T", "t", " "]), st.booleans(), st.booleans())
def test_iso_8601_with_any_offset(
    moment: datetime.datetime, zone: datetime.timezone, separator: str, comma: bool, short: bool
) -> None:
    moment = moment.replace(tzinfo=zone)
    text = moment.isoformat(separator, timespec="microseconds")
    text = text[:-3] + text[-2:] if short else text
    text = text.replace(".", ",") if comma else text
    assert instant(UTC, {"T": text}) == pytest.approx(_tai(moment), abs=2e-6, rel=0)


@given(moments)
def test_iso_8601_without_separators(moment: datetime.datetime) -> None:
    moment = moment.replace(tzinfo=datetime.UTC)
    assert instant(UTC, {"T": f"{moment:%Y%m%dT%H%M%S.%fZ}"}) == pytest.approx(_tai(moment), abs=2e-6, rel=0)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2026-03-13T24:00:00", "2026-03-14T00:00:00"),
        ("2026-12-31T24:00", "2027-01-01T00:00:00"),
        ("2024-02-28T24:00:00.000Z", "2024-02-29T00:00:00"),
        ("20260313T240000", "2026-03-14T00:00:00"),
        ("2026-03-13T22:00:00-02", "2026-03-14T00:00:00"),
        ("2026-03-14T00:00:00z", "2026-03-14T00:00:00"),
        ("2016-12-31T23:59:60.5", "2017-01-01T00:00:00.5"),
    ],
)
def test_other_ways_to_write_an_instant(text: str, same: str) -> None:
    read = instant(UTC, {"T": text})
    plain = instant(UTC, {"T": same})
    assert read is not None
    assert plain is not None
    assert read - plain == pytest.approx(-1 if "23:59:60" in text else 0, abs=1.1)


@pytest.mark.parametrize(
    "text", ["2026-03-14T24:00:01", "2026-03-14T24:01", "2026-03-14T23:60", "2026-03-14Z", "2026-0314T01:00"]
)
def test_what_no_clock_shows_is_refused(text: str) -> None:
    with pytest.raises(InvalidHeaderError, match="card T"):
        instant(UTC, {"T": text})


def test_an_offset_on_another_scale_than_utc_is_refused() -> None:
    rule = CardRule(cards=("T",), format="isot", time_scale="tai")
    with pytest.raises(InvalidHeaderError, match=r"ends in \+00:00, yet its scale is tai"):
        instant(rule, {"T": "2026-03-14T00:00:00+00:00"})


@pytest.mark.parametrize(
    ("zone", "text", "utc"),
    [
        ("America/Phoenix", "2026-03-14T21:00:00", "2026-03-15T04:00:00"),
        ("America/Santiago", "2026-01-14T21:00:00", "2026-01-15T00:00:00"),
        ("America/Santiago", "2026-07-14T21:00:00", "2026-07-15T01:00:00"),
        ("-07:30", "2026-03-14T21:00:00", "2026-03-15T04:30:00"),
        ("America/Phoenix", "2026-03-14T21:00:00Z", "2026-03-14T21:00:00"),
    ],
)
def test_local_times_are_turned_into_utc_unless_they_say_their_offset(zone: str, text: str, utc: str) -> None:
    rule = CardRule(cards=("T",), format="isot", time_scale="utc", time_zone=zone)
    assert instant(rule, {"T": text}) == instant(UTC, {"T": utc})


def _tai(moment: datetime.datetime) -> float:
    return tai_from_utc(UtcSeconds(moment.timestamp()))
