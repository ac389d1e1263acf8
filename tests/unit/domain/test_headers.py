import datetime
from collections.abc import Callable
from typing import Any

import pytest
from astropy.io import fits
from attrs import evolve
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.cameras.camera import Camera, CardRule, HeaderRules
from domain.headers.header import InvalidHeaderError, group_and_snap, read_exposure
from domain.raws.exposure import Exposure
from domain.raws.raws import RawKey, make_raw_key, parse_raw_key
from domain.times import TaiSeconds, utc_from_tai
from simulator.world.cards import header_cards
from tests.shared_data import shared_data
from tests.strategies.cameras import LSST, SHIPPED, exposures

CAMERAS = pytest.mark.parametrize("camera", SHIPPED.values(), ids=SHIPPED)
LSSTCAM, TS8, LOWELL, HSC, IMSIM = (
    SHIPPED[name] for name in ("LSSTCam", "LSST-TS8", "Lowell42", "HSC", "LSSTCam-imSim")
)
CARDS: dict[str, object] = {
    "INSTRUME": "LSSTCam",
    "OBSID": "MC_O_20260313_000217",
    "GROUPID": "2026-03-14T02:15:07.310#2",
    "CURINDEX": 2,
    "RAFTBAY": "R22",
    "CCDSLOT": "S11",
    "DAYOBS": "20260313",
    "SEQNUM": 217,
    "FILTER": "r_57",
    "EXPTIME": 30.0,
    "DATE-BEG": "2026-03-14T02:15:07.310",
    "DATE-END": "2026-03-14T02:15:37.410",
    "RA": 149.9,
    "DEC": 2.2,
    "ROTPA": -12.5,
    "IMGTYPE": "OBJECT",
}
BEGIN = datetime.datetime(2026, 3, 14, 2, 15, 7, 310_000, tzinfo=datetime.UTC).timestamp()
END = datetime.datetime(2026, 3, 14, 2, 15, 37, 410_000, tzinfo=datetime.UTC).timestamp()
EXPOSURE = Exposure(
    instrument="LSSTCam",
    detector=94,
    exposure=2026031300217,
    obs_id="MC_O_20260313_000217",
    group="2026-03-14T02:15:07.310#2",
    snap=1,
    day_obs=20260313,
    seqnum=217,
    physical_filter="r_57",
    exposure_time=30.0,
    begin=TaiSeconds(BEGIN),
    end=TaiSeconds(END),
    ra=149.9,
    dec=2.2,
    sky_angle=347.5,
)

card_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=30),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
    st.builds(object),
    st.sampled_from(list(CARDS.values())),
    st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]*)?Z?", fullmatch=True),
    st.from_regex(r"[+-]?[0-9]{1,3}[: ][0-9]{1,2}[: ][0-9]{1,2}(\.[0-9]*)?", fullmatch=True),
)


def test_the_cards_of_lsst() -> None:
    assert read_exposure(LSSTCAM, CARDS) == EXPOSURE
    assert group_and_snap(LSSTCAM, CARDS) == ("2026-03-14T02:15:07.310#2", 1)


def test_numbers_may_be_written_as_text_and_text_may_be_padded() -> None:
    written = {name: f"{value}  " for name, value in CARDS.items()}
    assert read_exposure(LSSTCAM, written) == EXPOSURE


@pytest.mark.parametrize("absent", [None, "", "   ", fits.card.UNDEFINED])
def test_what_the_header_lacks_the_key_tells(absent: object) -> None:
    key = parse_raw_key(LSSTCAM, make_raw_key(LSSTCAM, EXPOSURE))
    told = ("INSTRUME", "OBSID", "RAFTBAY", "CCDSLOT", "DAYOBS", "SEQNUM")
    lacking = {**CARDS, **dict.fromkeys(told, absent)}
    assert read_exposure(LSSTCAM, lacking, key) == EXPOSURE
    for name in told:
        del lacking[name]
    assert read_exposure(LSSTCAM, lacking, key) == EXPOSURE


@pytest.mark.parametrize("card", ["DATE-BEG", "EXPTIME", "RAFTBAY", "OBSID"])
def test_a_fact_that_nobody_tells_is_named(card: str) -> None:
    cards = {**CARDS, card: None}
    with pytest.raises(InvalidHeaderError, match=rf"\b{card}\b.*absent"):
        read_exposure(LSSTCAM, cards)


def test_an_exposure_of_no_group_is_one_of_its_own() -> None:
    read = read_exposure(LSSTCAM, {**CARDS, "GROUPID": None, "CURINDEX": None})
    assert (read.group, read.snap) == ("2026031300217", 0)


def test_a_sidecar_without_a_group_is_refused_and_without_an_index_is_of_the_first_snap() -> None:
    with pytest.raises(InvalidHeaderError, match="GROUPID"):
        group_and_snap(LSSTCAM, {**CARDS, "GROUPID": None})
    assert group_and_snap(LSSTCAM, {**CARDS, "CURINDEX": None}) == (CARDS["GROUPID"], 0)


@pytest.mark.parametrize("absent", ["N/A", "", -999.0, None])
@pytest.mark.parametrize(
    ("kind", "needless"),
    [("BIAS", ["RA", "DEC", "ROTPA", "EXPTIME"]), ("DARK", ["RA", "DEC", "ROTPA"]), ("FLAT", ["RA", "DEC"])],
)
def test_what_a_frame_has_no_use_for_is_not_asked_of_it(
    kind: str, needless: list[str], absent: object
) -> None:
    cards = {name: value for name, value in CARDS.items() if name != "DATE-END"} | {"IMGTYPE": kind}
    read = read_exposure(LSSTCAM, cards | dict.fromkeys(needless, absent))
    assert (read.observation_type, read.exposure) == (kind.lower(), EXPOSURE.exposure)
    assert (read.dec, read.exposure_time) == (None, 0.0 if "EXPTIME" in needless else 30.0)


def test_a_pointing_that_cannot_be_is_refused_of_a_frame_that_needs_one() -> None:
    with pytest.raises(InvalidHeaderError, match=r"card RA\b"):
        read_exposure(LSSTCAM, CARDS | {"RA": "N/A"})


def test_pointing_and_filter_may_be_unknown() -> None:
    cards = {
        **CARDS,
        "RA": None,
        "DEC": None,
        "ROTPA": None,
        "FILTER": None,
        "IMGTYPE": None,
        "DATE-END": None,
    }
    assert read_exposure(LSSTCAM, cards) == evolve(
        EXPOSURE, ra=None, dec=None, sky_angle=None, physical_filter="unknown", end=TaiSeconds(BEGIN + 30.0)
    )


@pytest.mark.parametrize(
    ("card", "value"),
    [
        ("CURINDEX", 0),
        ("CURINDEX", 1.5),
        ("CURINDEX", "one"),
        ("CURINDEX", True),
        pytest.param("CURINDEX", 10**5000, id="huge"),
        ("SEQNUM", -1),
        ("SEQNUM", 10**30),
        ("EXPTIME", "nan"),
        ("EXPTIME", "1e999"),
        ("EXPTIME", "1_0"),
        ("EXPTIME", -1.0),
        ("GROUPID", ["a"]),
        ("GROUPID", {"a": 1}),
        ("INSTRUME", "LATISS"),
        ("RAFTBAY", "R99"),
        ("RA", "12 99 00"),
        ("DEC", 90.1),
        ("ROTPA", float("nan")),
        ("DATE-BEG", "2026-03-14"),
        ("DATE-BEG", "2026-02-30T00:00:00"),
        ("DATE-BEG", "2026-03-14T24:00:00"),
        ("DATE-BEG", "2026-03-14T00:00:00Z"),
        ("DATE-BEG", "1969-03-14T00:00:00"),
        ("DATE-BEG", "yesterday"),
        ("DATE-END", "2026-03-14T02:15:07.309"),
        ("OBSID", "MC_O_20260313"),
        ("OBSID", "MC_O_20260312_000217"),
        ("OBSID", "MC_O_20260313_000218"),
    ],
)
def test_a_malformed_card_is_named(card: str, value: object) -> None:
    with pytest.raises(InvalidHeaderError, match=card):
        read_exposure(LSSTCAM, {**CARDS, card: value})


@pytest.mark.parametrize(
    ("card", "value", "told"),
    [
        ("CCDSLOT", "S12", "94"),
        ("OBSID", "MC_C_20260313_000217", "MC_O_20260313_000217"),
        ("DAYOBS", 20260312, "20260313"),
        ("SEQNUM", 218, "217"),
    ],
)
def test_header_and_key_that_disagree_are_both_quoted(card: str, value: object, told: str) -> None:
    key = parse_raw_key(LSSTCAM, make_raw_key(LSSTCAM, EXPOSURE))
    assert key is not None
    said = "95" if card == "CCDSLOT" else str(value)
    with pytest.raises(InvalidHeaderError) as caught:
        read_exposure(LSSTCAM, {**CARDS, card: value}, key)
    assert all(part in str(caught.value) for part in (card, said, told, key.key))


def test_a_key_of_another_camera_is_refused() -> None:
    key = parse_raw_key(HSC, "HSC/94/g/0/59134/HSC-R2/a.fits")
    with pytest.raises(InvalidHeaderError, match="HSC/94"):
        read_exposure(LSSTCAM, CARDS, key)


@CAMERAS
@pytest.mark.parametrize("written", [str.upper, str.lower, str.swapcase, "  {}  ".format])
def test_letter_case_tells_no_cameras_apart(camera: Camera, written: Callable[[str], str]) -> None:
    for name in (*camera.names, *camera.header.instruments):
        assert camera.is_called(written(name))
        assert [other.instrument for other in SHIPPED.values() if other.is_called(name)] == [
            camera.instrument
        ]


@pytest.mark.parametrize(
    ("instrument", "name"),
    [
        ("LSSTCam", "lsstCam"),
        ("LSSTComCam", "comCam"),
        ("LSSTComCam", "COMCAM"),
        ("LSSTComCam", "LSST_CAMERA"),
        ("LSSTComCamSim", "ComCamSim"),
        ("LATISS", "LSST_ATISS"),
        ("HSC", "Hyper Suprime-Cam"),
    ],
)
def test_names_of_real_headers_are_known(instrument: str, name: str) -> None:
    assert SHIPPED[instrument].is_called(name)


def test_another_cameras_frame_is_refused_by_name() -> None:
    with pytest.raises(InvalidHeaderError, match=r"card INSTRUME .*'SuprimeCam' is not HSC"):
        read_exposure(HSC, {"INSTRUME": "SuprimeCam"})


@CAMERAS
@given(st.data())
def test_a_card_without_a_keyword_tells_nothing(camera: Camera, data: Any) -> None:
    exposure = data.draw(exposures(camera))
    key = parse_raw_key(camera, make_raw_key(camera, exposure), exposure.detector)
    cards = header_cards(camera, exposure)
    comment = data.draw(st.sampled_from(["/ ---- Observation ----", "5", "R22_S11"]) | card_values)
    assert _told(camera, {"": comment, **cards}, key) == _told(camera, cards, key)


def _told(camera: Camera, cards: dict[str, Any], key: RawKey | None) -> Exposure | str:
    try:
        return read_exposure(camera, cards, key)
    except InvalidHeaderError as error:
        return str(error)


def test_names_that_are_translated_are_known_in_headers() -> None:
    cards = {**CARDS, "INSTRUME": "TS8", "OBSID": "TS_C_20260313_000217"}
    assert read_exposure(TS8, cards).instrument == "LSST-TS8"


@pytest.mark.parametrize(
    ("obs_id", "day_obs", "expected"),
    [
        ("TS_C_20230524_000217", 20230524, 202303140215073),
        ("TS_O_20260313_000217", 20260313, 202303140215073),
        ("E2V-CCD250-220", 20230313, 202303140215073),
        ("TS_C_20260313_000217", 20260313, 2026031300217),
    ],
)
def test_ts8_had_time_stamps_for_ids(obs_id: str, day_obs: int, expected: int) -> None:
    cards = {**CARDS, "INSTRUME": "LSST-TS8", "OBSID": obs_id, "DAYOBS": day_obs}
    cards["DATE-OBS"] = "2023-03-14T02:15:07.310"
    assert read_exposure(TS8, cards).exposure == expected


def test_a_ts8_header_without_its_time_stamp_is_refused() -> None:
    cards = {**CARDS, "INSTRUME": "LSST-TS8", "OBSID": "TS_C_20230313_000217", "DAYOBS": 20230313}
    with pytest.raises(InvalidHeaderError, match="DATE-OBS"):
        read_exposure(TS8, cards)


@pytest.mark.parametrize(
    ("card", "folder", "expected"),
    [("r_sim_1.4", "r", "r_sim_1.4"), ("r", "r_sim_1.4", "r_sim_1.4"), (None, "r", "r"), ("r", "r", "r")],
)
def test_keys_of_imsim_may_name_the_band(card: str | None, folder: str, expected: str) -> None:
    key = parse_raw_key(IMSIM, f"LSSTCam-imSim/20260313/7024062600001/7024062600001_{folder}_94_R22_S11.fits")
    exposure = read_exposure(IMSIM, {**CARDS, "FILTER": card}, key)
    assert (exposure.physical_filter, exposure.exposure) == (expected, 7024062600001)


def test_another_filter_than_the_keys_is_refused() -> None:
    key = parse_raw_key(IMSIM, "LSSTCam-imSim/20260313/7024062600001/7024062600001_r_94_R22_S11.fits")
    with pytest.raises(InvalidHeaderError, match=r"FILTER.*'i'.*'r'"):
        read_exposure(IMSIM, {**CARDS, "FILTER": "i"}, key)


def test_a_grouped_key_tells_nearly_all() -> None:
    key = parse_raw_key(HSC, "HSC/94/a/b#2/1/59134/HSC-R2/a.fits")
    cards = {
        "EXPTIME": 30,
        "DATE-OBS": "2016-11-22",
        "UT-STR": "23:59:50.5",
        "UT-END": "00:00:20.5",
        "RA2000": "10:00:00.0",
        "DEC2000": "-00:30:00",
        "INST-PA": 270,
    }
    exposure = read_exposure(HSC, cards, key)
    begin = datetime.datetime(2016, 11, 22, 23, 59, 50, 500_000, tzinfo=datetime.UTC).timestamp()
    assert exposure == Exposure(
        instrument="HSC",
        detector=94,
        exposure=59134,
        obs_id="HSC_59134",
        group="a/b#2",
        snap=1,
        day_obs=20161123,  # of TAI, which is 36 s ahead
        seqnum=59134,
        physical_filter="HSC-R2",
        exposure_time=30.0,
        begin=TaiSeconds(begin + 36),
        end=TaiSeconds(begin + 66),
        ra=150.0,
        dec=-0.5,
        sky_angle=0.0,
    )


@given(st.data())
def test_simple_headers_say_what_was_written(data: Any) -> None:
    camera = data.draw(st.sampled_from(LSST))
    exposure = data.draw(exposures(camera))
    assume(not _is_ranged(camera, exposure))
    detector = camera.detector(exposure.detector)
    raft, _, sensor = (detector.key_name or detector.name).partition("_")
    physical_filter, _, grating = exposure.physical_filter.partition("~")
    begin = datetime.datetime.fromtimestamp(exposure.begin, datetime.UTC).replace(tzinfo=None)
    cards = {
        "INSTRUME": camera.instrument,
        "OBSID": exposure.obs_id,
        "GROUPID": exposure.group,
        "CURINDEX": exposure.snap + 1,
        "RAFTBAY": raft,
        "CCDSLOT": sensor,
        "DAYOBS": exposure.day_obs,
        "SEQNUM": exposure.seqnum,
        "FILTER": physical_filter,
        "GRATING": grating,
        "EXPTIME": exposure.exposure_time,
        "IMGTYPE": "OBJECT",
        "DATE-BEG": begin.isoformat(timespec="microseconds"),
        "DATE-OBS": begin.isoformat(timespec="microseconds"),
        "RA": exposure.ra,
        "DEC": exposure.dec,
        "ROTPA": exposure.sky_angle,
    }
    read = read_exposure(
        camera, cards, parse_raw_key(camera, make_raw_key(camera, exposure), exposure.detector)
    )
    assert read.begin == pytest.approx(exposure.begin, abs=2e-6, rel=0)
    assert read.end == pytest.approx(exposure.end, abs=2e-6, rel=0)
    stamped = parse_raw_key(camera, make_raw_key(camera, exposure), exposure.detector)
    if stamped is not None and stamped.exposure is None:
        assert read.exposure == int("".join(filter(str.isdigit, cards["DATE-BEG"][:21])))
    same = {name: getattr(exposure, name) for name in ("begin", "end", "exposure", "observation_type")}
    assert evolve(read, **same) == exposure


def _is_ranged(camera: Camera, exposure: Exposure) -> bool:
    """Tell whether the camera's headers were wrong on that day."""
    moment = (exposure.day_obs, exposure.seqnum, exposure.begin)
    rules = [rule for fact in ("ra", "sky_angle") for rule in camera.header.facts[fact]]
    return any(rule.is_ranged and rule.holds(*moment) for rule in rules)


@CAMERAS
@given(st.data())
def test_arbitrary_headers_are_read_or_refused(camera: Camera, data: Any) -> None:
    names = [card for rules in camera.header.facts.values() for rule in rules for card in rule.cards]
    changes = data.draw(st.dictionaries(st.sampled_from([*names, "OTHER"]), card_values, max_size=5))
    drawn = data.draw(exposures(camera))
    key = parse_raw_key(camera, make_raw_key(camera, drawn), drawn.detector)
    for cards in (changes, {**CARDS, "INSTRUME": camera.instrument, **changes}):
        for given_key in (key, None):
            try:
                exposure = read_exposure(camera, cards, given_key)
            except InvalidHeaderError:
                continue
            assert exposure.instrument == camera.instrument
            assert camera.has_detector(exposure.detector)


@pytest.mark.parametrize(
    ("begins", "before", "after"),
    [(12, "11:59:59.9", "12:00:00.1"), (16, "15:59:59.9", "16:00:00.1"), (-2, "21:59:59.9", "22:00:00.1")],
)
def test_day_obs_turns_at_the_hour_that_the_camera_says(begins: float, before: str, after: str) -> None:
    begin = (CardRule(cards=("T",), format="isot", time_scale="tai"),)
    header = HeaderRules(facts={**HSC.header.facts, "begin": begin}, day_begins=begins)
    camera = evolve(HSC, header=header)
    key = parse_raw_key(HSC, "HSC/94/g/0/59134/HSC-R2/a.fits")
    days = [
        read_exposure(camera, {"EXPTIME": 1, "T": f"2026-03-13T{time}"}, key).day_obs
        for time in (before, after)
    ]
    assert days == ([20260312, 20260313] if begins > 0 else [20260313, 20260314])


class TestLowell:
    """Headers as a real telescope wrote them."""

    @pytest.fixture(params=["bias", "flat", "light"])
    def headers(self, request: pytest.FixtureRequest) -> list[dict[str, object]]:
        folder = shared_data("lowell-2019-03-26") / request.param
        return [dict(fits.getheader(path, 1)) for path in sorted(folder.glob("*.fits.fz"))]

    def test_times_come_from_two_cards_because_date_obs_has_none(
        self, headers: list[dict[str, object]]
    ) -> None:
        for header in headers:
            assert header["DATE-OBS"] == "2019-03-26"
            exposure = read_exposure(LOWELL, header)
            begin = datetime.datetime.fromtimestamp(utc_from_tai(exposure.begin), datetime.UTC)
            assert f"{begin:%H:%M:%S.%f}"[:11] == header["UTCSTART"]
            assert 0 <= exposure.end - exposure.begin - exposure.exposure_time < 3
            assert exposure.day_obs == 20190325

    def test_middle_of_exposure_agrees_with_the_observatory(self) -> None:
        path = shared_data("lowell-2019-03-26") / "light" / "20190326.0133_d0.fits.fz"
        header = fits.getheader(path, 1)
        exposure = read_exposure(LOWELL, dict(header))
        middle = utc_from_tai(exposure.begin) + exposure.exposure_time / 2
        assert middle / 86_400 + 2_440_587.5 == pytest.approx(header["MIDTIMJD"], abs=2e-5, rel=0)

    def test_the_detector_is_a_number_written_as_text(self, headers: list[dict[str, object]]) -> None:
        assert {header["XDET"] for header in headers} == {"0", "1"}
        for header in headers:
            assert read_exposure(LOWELL, header).detector == int(str(header["XDET"]))

    def test_the_frames_have_a_name_and_a_way_back(self, headers: list[dict[str, object]]) -> None:
        kinds = {"OBJECT": "science", "BIAS": "bias", "SKYFLAT": "flat"}
        for header in headers:
            exposure = read_exposure(LOWELL, header)
            assert exposure.exposure == 2019032500000 + exposure.seqnum
            assert exposure.obs_id == exposure.group == f"20190326.{exposure.seqnum:04d}"
            assert exposure.observation_type == kinds[str(header["OBSTYPE"])]
            key = parse_raw_key(LOWELL, make_raw_key(LOWELL, exposure))
            assert read_exposure(LOWELL, header, key) == exposure

    def test_sexagesimal_pointing(self) -> None:
        path = shared_data("lowell-2019-03-26") / "light" / "20190326.0133_d0.fits.fz"
        exposure = read_exposure(LOWELL, dict(fits.getheader(path, 1)))
        assert exposure.ra == pytest.approx(15 * (8 + 18 / 60 + 29.9 / 3600))
        assert exposure.dec == pytest.approx(25 + 20 / 60)
