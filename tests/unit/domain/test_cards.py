import datetime

import pytest
from astropy.coordinates import Angle
from astropy.time import Time
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.cameras.camera import CardRule
from domain.headers import cards
from domain.headers.cards import InvalidHeaderError
from domain.headers.instants import instant

HOURS = CardRule(cards=("RA",), unit="hourangle")
DEGREES = CardRule(cards=("DEC",), unit="deg")
signs = st.sampled_from(["", "+", "-"])
sixtieths = st.integers(0, 59)


@given(signs, st.integers(0, 359), sixtieths, st.floats(0, 59.99), st.sampled_from([":", " "]))
def test_sexagesimal_angles(sign: str, whole: int, minutes: int, seconds: float, separator: str) -> None:
    text = separator.join([f"{sign}{whole:02d}", f"{minutes:02d}", f"{seconds:05.2f}"])
    assert cards.angle(DEGREES, {"DEC": text}) == pytest.approx(Angle(text, "deg").degree, abs=1e-10)
    if whole < 24:
        assert cards.angle(HOURS, {"RA": text}) == pytest.approx(Angle(text, "hourangle").degree, abs=1e-9)


def test_a_day_with_a_leap_second_has_its_own_offset_throughout() -> None:
    rule = CardRule(cards=("T",), format="isot", time_scale="utc")
    for text, offset in (
        ("2016-12-31T12:00:00", 36),
        ("2016-12-31T23:59:59.5", 36),
        ("2017-01-01T00:00:00", 37),
    ):
        utc = datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC).timestamp()
        assert instant(rule, {"T": text}) == utc + offset


def test_digits_may_be_single_in_times() -> None:
    rule = CardRule(cards=("DATE-OBS", "UTCEND"), join="T", format="isot", time_scale="utc")
    padded = instant(rule, {"DATE-OBS": "2019-03-26", "UTCEND": "04:01:00.10"})
    assert instant(rule, {"DATE-OBS": "2019-03-26", "UTCEND": "4:1:0.10"}) == padded


def test_just_south_of_the_equator() -> None:
    assert cards.angle(DEGREES, {"DEC": "-00:30:00"}) == -0.5


@given(st.floats(-1e4, 1e4))
def test_plain_angles(value: float) -> None:
    assert cards.angle(DEGREES, {"DEC": value}) == value
    assert cards.angle(HOURS, {"RA": str(value)}) == value * 15


@pytest.mark.parametrize("scale", ["utc", "tai"])
@given(st.floats(1e8, 1.8e9).map(lambda seconds: datetime.datetime.fromtimestamp(seconds, datetime.UTC)))
def test_instants_agree_with_astropy(scale: str, moment: datetime.datetime) -> None:
    # A day number says little on a day that has a leap second.
    assume((moment.month, moment.day) not in {(6, 30), (12, 31)})
    text = f"{moment:%Y-%m-%dT%H:%M:%S.%f}"
    time = Time(text, format="isot", scale=scale)
    for form in ("isot", "mjd", "jd"):
        rule = CardRule(cards=("T",), format=form, time_scale=scale)
        value = text if form == "isot" else getattr(time, form)
        # A Julian date in one number is good to 40 microseconds.
        tolerance = {"isot": 2e-6, "mjd": 2e-6, "jd": 8e-5}[form]
        assert instant(rule, {"T": value}) == pytest.approx(time.unix_tai, abs=tolerance, rel=0)


@given(st.integers(0, 10**18), st.sampled_from(["{}", "{}.0", " {}", "{}  "]))
def test_whole_numbers_are_exact(value: int, form: str) -> None:
    rule = CardRule(cards=("N",))
    written = form.format(value)
    expected = value if "." not in written else int(float(value))
    assert cards.integer(rule, {"N": written}) == expected
    assert cards.integer(rule, {"N": value}) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_scaled_and_shifted(value: float) -> None:
    rule = CardRule(cards=("N",), factor=-1.0, offset=270.0)
    assert cards.number(rule, {"N": value}) == -value + 270


@pytest.mark.parametrize(
    ("text", "value"), [("1.5D+02", 150.0), ("1.5d2", 150.0), (".5", 0.5), ("-7.", -7.0)]
)
def test_numbers_as_fortran_writes_them(text: str, value: float) -> None:
    assert cards.number(CardRule(cards=("N",)), {"N": text}) == value


@pytest.mark.parametrize("text", ["", "nan", "inf", "1_0", "0x10", "\u0661", "1,5", "1e99999", "--1"])
def test_texts_that_are_no_numbers(text: str) -> None:
    rule = CardRule(cards=("N",))
    if not text:
        assert cards.number(rule, {"N": text}) is None
        return
    with pytest.raises(InvalidHeaderError, match="card N"):
        cards.number(rule, {"N": text})


def test_cards_are_joined_and_cut() -> None:
    rule = CardRule(cards=("A", "B"), join="_")
    assert cards.text(rule, {"A": "R22 ", "B": "S11"}) == "R22_S11"
    assert cards.text(rule, {"A": "R22"}) is None
    cut = CardRule(cards=("F",), pattern=r"([^/]+)[.]fits$")
    assert cards.text(cut, {"F": "/a/b.0003.fits"}) == "b.0003"
    with pytest.raises(InvalidHeaderError, match="card F: '/a/b'"):
        cards.text(cut, {"F": "/a/b"})


def test_a_value_needs_no_card() -> None:
    assert cards.angle(CardRule(value=2.28), {}) == 2.28
    assert cards.text(CardRule(value="HSC"), {}) == "HSC"


def test_no_value_is_written_out_at_any_length() -> None:
    with pytest.raises(InvalidHeaderError) as caught:
        cards.number(CardRule(cards=("N",)), {"N": "x" * 10_000})
    assert len(str(caught.value)) < 200
