from typing import Any

import pytest
from attrs import evolve

from domain.cameras.camera import Camera, CardRule, Detector, HeaderRules, RawKeys, RawKeyScheme
from domain.cameras.header_rules import Bound
from domain.headers.header import InvalidHeaderError, read_exposure
from domain.raws.exposure import Exposure
from domain.raws.raw_keys import parse_raw_key
from domain.times import TaiSeconds

CARDS: dict[str, object] = {"NUMBER": 7, "EXPTIME": 30.0, "DATE-OBS": "2026-03-14T02:15:00", "FILTER": "R"}
PLAIN = {
    "detector": CardRule(value=0),
    "seqnum": CardRule(cards=("NUMBER",)),
    "physical_filter": CardRule(cards=("FILTER",)),
    "exposure_time": CardRule(cards=("EXPTIME",)),
    "begin": CardRule(cards=("DATE-OBS",), format="isot", time_scale="tai"),
}


def camera(rules: Any = None, **changes: Any) -> Camera:
    return Camera(
        instrument="MyScope",
        detectors=(Detector(number=0, name="R22_S11", serial="A-1"), Detector(number=1, name="R22_S12")),
        raw_keys=RawKeys(scheme=RawKeyScheme.GROUPED),
        header=HeaderRules(facts={**PLAIN, **(rules or {})}, **changes),
        filters={"R": "r", "Ha": "r", "R~grism": "r"},
    )


def read(rules: Any, cards: dict[str, object], **changes: Any) -> Exposure:
    return read_exposure(camera(rules, **changes), {**CARDS, **cards})


@pytest.mark.parametrize(
    ("cards", "expected"),
    [
        ({"EXPTIME": None, "EXPOSURE": 20}, 20),
        ({"EXPTIME": "", "EXPOSURE": 20}, 20),
        ({"EXPTIME": 30, "EXPOSURE": 20}, 30),
        ({"SHUTTIME": 29.9}, 29.9),
        ({"SHUTTIME": 0.0}, 30),
    ],
)
def test_the_first_card_that_is_there_counts(cards: dict[str, object], expected: float) -> None:
    rules = (
        CardRule(cards=("SHUTTIME",), above=0),
        CardRule(cards=("EXPTIME",)),
        CardRule(cards=("EXPOSURE",)),
    )
    assert read({"exposure_time": rules}, cards).exposure_time == expected


def test_a_malformed_card_is_not_passed_over() -> None:
    rules = (CardRule(cards=("EXPTIME",)), CardRule(cards=("EXPOSURE",)))
    with pytest.raises(InvalidHeaderError, match="card EXPTIME: '30,0'"):
        read({"exposure_time": rules}, {"EXPTIME": "30,0", "EXPOSURE": 30})


def test_a_pattern_that_does_not_fit_leaves_it_to_the_next_rule() -> None:
    rules = (CardRule(cards=("ID",), pattern="^A([0-9]+)$"), CardRule(cards=("ID",), pattern="^B([0-9]+)$"))
    assert read({"seqnum": rules}, {"ID": "B12"}).seqnum == 12
    with pytest.raises(InvalidHeaderError, match="card ID: 'C12' does not match"):
        read({"seqnum": rules}, {"ID": "C12"})


@pytest.mark.parametrize(
    ("day", "number", "expected"),
    [(20250421, 999, 10), (20250422, 1, 190), (20250422, 250, 190), (20250422, 251, 100), (20260313, 7, 100)],
)
def test_a_rule_for_a_range_of_exposures(day: int, number: int, expected: float) -> None:
    angle = CardRule(cards=("ROTPA",))
    rules = {
        "day_obs": CardRule(cards=("DAYOBS",)),
        "sky_angle": (
            evolve(angle, offset=-90.0, before=Bound.parse("20250422")),
            evolve(angle, offset=90.0, since=Bound.parse("20250422"), before=Bound.parse("20250422/251")),
            angle,
        ),
    }
    exposure = read(rules, {"ROTPA": 100, "DAYOBS": day, "NUMBER": number})
    assert exposure.sky_angle == expected


def test_a_range_may_be_one_of_times() -> None:
    rule = CardRule(cards=("DEC",), factor=2.0, before=Bound.parse("2026-03-14T02:15:00"))
    rules = {"dec": (rule, CardRule(cards=("DEC",)))}
    # 2:15:00 TAI is 37 s before 2:15:00 UTC.
    assert read(rules, {"DEC": 20}).dec == 40
    assert read(rules, {"DEC": 20, "DATE-OBS": "2026-03-14T02:15:37"}).dec == 20


def test_a_rule_may_depend_on_another_card() -> None:
    rules = {
        "physical_filter": (
            CardRule(value="dark slide", when={"KIND": "bias|dark"}),
            CardRule(cards=("FILTER",)),
        )
    }
    assert read(rules, {"KIND": "BIAS"}).physical_filter == "dark slide"
    assert read(rules, {"KIND": "LIGHT"}).physical_filter == "R"


@pytest.mark.parametrize(
    ("wheels", "expected"),
    [
        (("R", "grism"), "R~grism"),
        (("R", ""), "R"),
        ((None, "R"), "R"),
        (("R", "empty"), "R"),
        (("empty", "R"), "empty~R"),
        (("hydrogen", None), "Ha"),
        (("r", "GRISM"), "R~grism"),
        ((None, " "), "unknown"),
    ],
)
def test_filter_wheels_are_joined(wheels: tuple[object, object], expected: str) -> None:
    rule = CardRule(
        cards=("FILTER1", "FILTER2"), join="~", drop_last=("empty",), table={"hydrogen": "Ha", "5": "R"}
    )
    cards: dict[str, object] = dict(zip(rule.cards, wheels, strict=True))
    assert read({"physical_filter": rule}, cards).physical_filter == expected


def test_a_wheel_that_says_nothing_may_have_a_name() -> None:
    rule = CardRule(cards=("FILTER", "GRATING"), join="~", absent="unknown")
    assert read({"physical_filter": rule}, {}).physical_filter == "R~unknown"


def test_a_table_gives_numbers_names() -> None:
    rule = CardRule(cards=("SLOT",), table={"5": "R"})
    assert read({"physical_filter": rule}, {"SLOT": 5}).physical_filter == "R"
    assert read({"physical_filter": rule}, {"SLOT": "Ha"}).physical_filter == "Ha"


def test_a_fact_may_stand_in_the_name_of_the_file_alone() -> None:
    rules = {"seqnum": CardRule(file=r"_([0-9]+)[.]"), "detector": CardRule(file="ccd([0-9])")}
    one = camera(rules)
    assert read_exposure(one, CARDS, file="night_0012.ccd1.fits").seqnum == 12
    key = parse_raw_key(one, "MyScope/1/a/0/2026031300012/R/night_0012.ccd1.fits")
    assert read_exposure(one, CARDS, key).detector == 1
    with pytest.raises(InvalidHeaderError, match="detector is absent"):
        read_exposure(one, CARDS, file="night_0012.fits")


@pytest.mark.parametrize(
    ("unit", "text", "degrees"),
    [
        ("hourangle", "10:00:00", 150.0),
        ("hourangle", 23.5, 352.5),
        ("dms", "150:30:00", 150.5),
        ("deg", 150.5, 150.5),
        ("deg", 0, 0.0),
        ("deg", "10:00:00", None),
        ("hourangle", "24:00:00", None),
        ("hourangle", 83.82, None),
        ("hourangle", "150.0", None),
        ("hourangle", -0.5, None),
        ("deg", 360, None),
        ("deg", -10, None),
        ("deg", 1257.3, None),
        ("dms", "370:00:00", None),
        # Whoever rounds last writes 60 seconds; 60 minutes are none.
        ("hourangle", "9:59:60.0", 150.0),
        ("hourangle", "23:59:60.00", None),
        ("hourangle", "9:59:60.1", None),
        ("hourangle", "9:60:00", None),
    ],
)
def test_a_right_ascension_that_cannot_be_is_refused_and_never_wrapped(
    unit: str, text: object, degrees: float | None
) -> None:
    rules = {"ra": CardRule(cards=("RA",), unit=unit)}
    if degrees is not None:
        assert read(rules, {"RA": text}).ra == pytest.approx(degrees)
        return
    with pytest.raises(InvalidHeaderError, match="card RA"):
        read(rules, {"RA": text})


@pytest.mark.parametrize(
    ("fact", "value"),
    [("dec", 90.1), ("dec", "-91:00:00"), ("sky_angle", 1257), ("exposure_time", -1), ("dark_time", -1)],
)
def test_numbers_that_cannot_be_are_refused(fact: str, value: object) -> None:
    with pytest.raises(InvalidHeaderError, match=r"card CARD: .* cannot be"):
        read({fact: CardRule(cards=("CARD",))}, {"CARD": value})


def test_a_camera_may_say_itself_what_can_be() -> None:
    rule = CardRule(cards=("EXPTIME",), least=-1, most=600)
    assert read({"exposure_time": rule}, {"EXPTIME": -1}).exposure_time == -1
    with pytest.raises(InvalidHeaderError, match="card EXPTIME: '601' cannot be: 601 is not -1 to 600"):
        read({"exposure_time": rule}, {"EXPTIME": 601})


def test_an_offset_may_carry_a_right_ascension_past_zero() -> None:
    assert read({"ra": CardRule(cards=("RA",), offset=0.5)}, {"RA": 359.75}).ra == pytest.approx(0.25)


@pytest.mark.parametrize(("at", "earlier"), [("begin", 0), ("middle", 15), ("end", 30)])
def test_a_date_may_be_that_of_another_instant_than_the_begin(at: str, earlier: float) -> None:
    exposure = read({"begin": evolve(PLAIN["begin"], at=at)}, {})
    plain = read({}, {})
    assert exposure.begin == plain.begin - earlier
    assert exposure.end == TaiSeconds(exposure.begin + 30)


def test_the_dark_time_is_at_least_known_from_the_exposure_time() -> None:
    rules = {"dark_time": CardRule(cards=("DARKTIME",))}
    assert read(rules, {"DARKTIME": 31.5}).dark_time == 31.5
    assert read(rules, {}).dark_time == 30


def test_a_processed_frame_is_refused_by_name() -> None:
    marks = (CardRule(cards=("PROCTYPE",), matches="(?!raw).*"),)
    assert read({}, {"PROCTYPE": "raw"}, processed=marks).seqnum == 7
    with pytest.raises(InvalidHeaderError, match="a processed frame, no raw: card PROCTYPE says 'InstCal'"):
        read({}, {"PROCTYPE": "InstCal"}, processed=marks)


@pytest.mark.parametrize("fact", ["ra", "physical_filter"])
def test_a_camera_may_want_a_pointing_or_a_filter_of_its_science_frames(fact: str) -> None:
    rules = {"observation_type": CardRule(cards=("KIND",)), "ra": CardRule(cards=("RA",))}
    cards: dict[str, object] = {"RA": None, "FILTER": None}
    assert read(rules, cards).ra is None
    assert read(rules, {**cards, "KIND": "bias"}, needed=(fact,)).ra is None
    with pytest.raises(InvalidHeaderError, match=rf"MyScope: card \w+ \({fact}\) is absent"):
        read(rules, cards, needed=(fact,))


def test_a_listed_exposure_is_put_right() -> None:
    rules = {"obs_id": CardRule(cards=("OBSID",))}
    corrections = {"A_1": {"FILTER": "Ha", "EXPTIME": 15.0}, "A_2": {"FILTER": None}}
    corrected = read(rules, {"OBSID": "A_1"}, corrections=corrections)
    assert (corrected.physical_filter, corrected.exposure_time) == ("Ha", 15.0)
    assert read(rules, {"OBSID": "A_2"}, corrections=corrections).physical_filter == "unknown"
    assert read(rules, {"OBSID": "A_3"}, corrections=corrections).physical_filter == "R"


@pytest.mark.parametrize("word", ["Light Frame", "LIGHT FRAME", "light frame "])
def test_words_for_kinds_are_known_in_any_letter_case(word: str) -> None:
    rules = {"observation_type": CardRule(cards=("IMAGETYP",))}
    assert read(rules, {"IMAGETYP": word}, observation_types={"Light Frame": "science"}).observation_type == (
        "science"
    )


@pytest.mark.parametrize("name", ["R22_S12", "r22_s12"])
def test_detectors_are_known_in_any_letter_case(name: str) -> None:
    rules = {"detector": CardRule(cards=("NONE",)), "detector_name": CardRule(cards=("SENSOR",))}
    assert read(rules, {"SENSOR": name}).detector == 1


def test_a_sensor_is_known_by_its_serial_number_whatever_place_the_key_names() -> None:
    rules = {
        "detector": CardRule(cards=("NONE",)),
        "detector_serial": CardRule(cards=("SERIAL",), pattern="^(.+?)(?:-Dev)?$"),
        "detector_name": CardRule(cards=("SLOT",)),
    }
    one = camera(rules)
    cards = {**CARDS, "SERIAL": "A-1-Dev", "SLOT": "R22_S12"}
    assert read_exposure(one, cards).detector == 0
    key = parse_raw_key(one, "MyScope/1/a/0/2026031300007/R/a.fits")
    assert read_exposure(one, cards, key).detector == 1
    with pytest.raises(InvalidHeaderError, match=r"card SERIAL .*'B-1'"):
        read_exposure(one, {**cards, "SERIAL": "B-1"})


def test_letter_case_of_keywords_does_not_matter() -> None:
    rule = CardRule(cards=("ExpTime",), when={"imageTyp": "light"})
    assert read({"exposure_time": rule}, {"EXPTIME": 12.0, "IMAGETYP": "Light"}).exposure_time == 12.0


@pytest.mark.parametrize(
    ("written", "called"), [(" R", "R"), ("r", "R"), (" HA ", "Ha"), ("R ~GRISM", "R ~GRISM")]
)
def test_neither_letter_case_nor_blanks_around_a_filter_make_another(written: str, called: str) -> None:
    rule = CardRule(cards=("FILTER",))
    assert read({"physical_filter": rule}, {"FILTER": written}).physical_filter == called
