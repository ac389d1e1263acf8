"""The shipped cameras' header rules: against another translator, and on headers in the cameras' own form."""

from typing import Any, cast

import pytest
from astro_metadata_translator import ObservationInfo
from attrs import evolve

from domain.cameras.camera import Camera, CardRule, Detector, HeaderRules
from domain.headers.header import InvalidHeaderError, read_exposure
from domain.raws.exposure import Exposure
from tests.strategies.cameras import SHIPPED

type Cards = dict[str, Any]

DECAM: Cards = {
    "INSTRUME": "DECam",
    "TELESCOP": "CTIO 4.0-m telescope",
    "PROCTYPE": "raw",
    "OBSID": "ct4m20190402t050618",
    "EXPNUM": 845291,
    "CCDNUM": 32,
    "DETPOS": "N1",
    "FILTER": "r DECam SDSS c0002 6415.0 1480.0",
    "EXPTIME": 90.0,
    "DARKTIME": 90.72,
    "DATE-OBS": "2019-04-02T05:06:18.382875",
    "DTUTC": "2019-04-02T05:07:58.500",
    "TIMESYS": "UTC",
    "RADESYS": "FK5",
    "TELRA": "14:23:28.889",
    "TELDEC": "-13:36:23.800",
    "OBSTYPE": "object",
    "OBJECT": "a field",
    "OBS-LAT": -30.16606,
    "OBS-LONG": 70.81489,
    "OBS-ELEV": 2215.0,
}
HSC: Cards = {
    "INSTRUME": "Hyper Suprime-Cam",
    "EXP-ID": "HSCE00123456",
    "FRAMEID": "HSCA12345637",
    "DET-ID": 50,
    "FILTER01": "HSC-i2",
    "EXPTIME": 200.0,
    "DATE-OBS": "2017-05-24",
    "UT-STR": "12:31:07.201",
    "UT-END": "12:34:28.911",
    "MJD": 57897.52161,
    "RA2000": "13:41:02.114",
    "DEC2000": "+00:52:11.87",
    "INST-PA": 75.0,
    "DATA-TYP": "OBJECT",
    "OBJECT": "a field",
    "TELESCOP": "Subaru",
}
MEGAPRIME: Cards = {
    "INSTRUME": "MegaPrime",
    "TELESCOP": "CFHT 3.6m",
    "OBSID": 1038843,
    "EXPNUM": 1038843,
    "EXTNAME": "ccd02",
    "FILTER": "i.MP9702",
    "EXPTIME": 615.037,
    "DARKTIME": 615.0,
    "DATE-OBS": "2008-11-01",
    "UTC-OBS": "14:33:32.40",
    "MJD-OBS": 54771.606625,
    "DATEEND": "2008-11-01",
    "UTCEND": "14:44:41.96",
    "RADECSYS": "FK5",
    "RA": "9:01:38.26",
    "DEC": "-2:24:00.0",
    "OBSTYPE": "OBJECT",
    "OBJECT": "a field",
    "RA_DEG": 135.40941666666666,
    "DEC_DEG": -2.4,
    "LATITUDE": 19.825252,
    "LONGITUD": -155.468876,
}


def _utc(*cards: str) -> CardRule:
    return CardRule(cards=cards, join="T", format="isot", time_scale="utc")


MEGAPRIME_CAMERA = evolve(
    SHIPPED["HSC"],
    instrument="MegaPrime",
    detectors=(Detector(number=2, name="ccd02"),),
    filters={"i.MP9702": "i"},
    header=HeaderRules(
        facts={
            "instrument": CardRule(cards=("INSTRUME",)),
            "obs_id": CardRule(cards=("OBSID",)),
            "exposure": CardRule(cards=("EXPNUM",)),
            "detector_name": CardRule(cards=("EXTNAME",)),
            "physical_filter": CardRule(cards=("FILTER",)),
            "exposure_time": CardRule(cards=("EXPTIME",)),
            "dark_time": CardRule(cards=("DARKTIME",)),
            "begin": _utc("DATE-OBS", "UTC-OBS"),
            "end": _utc("DATEEND", "UTCEND"),
            "ra": CardRule(cards=("RA",), unit="hourangle"),
            "dec": CardRule(cards=("DEC",), unit="deg"),
            "observation_type": CardRule(cards=("OBSTYPE",)),
        },
        observation_types={"OBJECT": "science"},
        frame="fk5",
        day_begins=0,
    ),
)
COMPARED = {
    "boresight_rotation_angle",
    "datetime_begin",
    "datetime_end",
    "detector_num",
    "detector_unique_name",
    "exposure_id",
    "exposure_time",
    "observation_id",
    "observation_type",
    "observing_day",
    "physical_filter",
    "tracking_radec",
}
KNOWN = [
    (SHIPPED["DECam"], DECAM),
    (SHIPPED["DECam"], {**DECAM, "OBSTYPE": "zero", "EXPTIME": 0.0, "DTUTC": "2019-04-02T05:06:30"}),
    (SHIPPED["DECam"], {**DECAM, "DATE-OBS": "2019-04-02T17:00:00", "DTUTC": None}),
    (SHIPPED["HSC"], HSC),
    (SHIPPED["HSC"], {**HSC, "EXP-ID": "HSCA04090000", "FRAMEID": "HSCA04090107"}),
    (SHIPPED["HSC"], {**HSC, "EXP-ID": "HSCB04090000", "INST-PA": 270.0}),
    (SHIPPED["HSC"], {**HSC, "EXP-ID": "HSCA00000000", "FRAMEID": "HSCA00123507"}),
    (SHIPPED["HSC"], {**HSC, "EXP-ID": "HSCA00000000", "FRAMEID": "HSCA00123607"}),
    (SHIPPED["HSC"], {**HSC, "DET-ID": 112, "DATE-OBS": "2013-02-01", "MJD": 56324.5}),
    (MEGAPRIME_CAMERA, MEGAPRIME),
]


@pytest.mark.parametrize(("camera", "cards"), KNOWN)
def test_another_translator_says_the_same(camera: Camera, cards: Cards) -> None:
    said = {name: value for name, value in cards.items() if value is not None}
    ours, other = read_exposure(camera, said), cast(Any, ObservationInfo(dict(said), subset=COMPARED))
    assert (ours.detector, ours.exposure, ours.obs_id, ours.day_obs) == (
        other.detector_num,
        other.exposure_id,
        str(other.observation_id),
        other.observing_day,
    )
    assert camera.detector(ours.detector).name == other.detector_unique_name
    assert ours.physical_filter.casefold() == str(other.physical_filter).casefold()
    assert ours.exposure_time == other.exposure_time.to_value("s")
    assert ours.observation_type == other.observation_type
    assert ours.begin == pytest.approx(other.datetime_begin.unix_tai, abs=1e-3, rel=0)
    assert ours.end == pytest.approx(other.datetime_end.unix_tai, abs=1e-3, rel=0)
    pointing = other.tracking_radec.icrs
    assert (ours.ra, ours.dec) == pytest.approx((pointing.ra.deg, pointing.dec.deg), abs=1e-6, rel=0)
    if ours.sky_angle is not None:
        turn = other.boresight_rotation_angle.wrap_at("360d").deg
        assert ours.sky_angle == pytest.approx(turn, abs=1e-9)


def test_what_a_pipeline_made_of_a_raw_is_none() -> None:
    with pytest.raises(InvalidHeaderError, match="processed frame, no raw: card PROCTYPE says 'InstCal'"):
        read_exposure(SHIPPED["DECam"], {**DECAM, "PROCTYPE": "InstCal"})


LSST: Cards = {
    "OBSID": "MC_O_20260313_000217",
    "CONTRLLR": "O",
    "DAYOBS": "20260313",
    "SEQNUM": 217,
    "GROUPID": "2026-03-14T02:15:07.310",
    "INSTRUME": "lsstCam",
    "RAFTBAY": "R22",
    "CCDSLOT": "S11",
    "FILTER": "r_57",
    "EXPTIME": 30.0,
    "SHUTTIME": 30.0009,
    "DARKTIME": 30.9,
    "IMGTYPE": "OBJECT",
    "TIMESYS": "TAI",
    "MJD-BEG": 61113.09383460648,
    "DATE-BEG": "2026-03-14T02:15:07.310",
    "MJD-END": 61113.09419224537,
    "DATE-END": "2026-03-14T02:15:38.210",
    "RA": 149.9,
    "DEC": 2.2,
    "RASTART": 149.91,
    "DECSTART": 2.21,
    "ROTPA": 100.0,
}
LATISS: Cards = {
    **LSST,
    "OBSID": "AT_O_20260313_000217",
    "INSTRUME": "LATISS",
    "RAFTBAY": "R00",
    "CCDSLOT": "S00",
    "FILTER": "SDSSr_65mm",
    "GRATING": "empty_1",
}
TS8: Cards = {
    "TSTAND": "TS8",
    "LSST_NUM": "E2V-CCD250-200-Dev",
    "FILENAME": "E2V-CCD250-200-Dev_lambda_flat_0700_6006D_20180724102845.fits",
    "SEQNUM": 17,
    "FILTPOS": 5,
    "EXPTIME": 21.913,
    "IMGTYPE": "FLAT",
    "MJD-OBS": 58323.43663590262,
    "DATE-OBS": "2018-07-24T10:28:45.342",
}
IMSIM: Cards = {
    "INSTRUME": "CAMERA",
    "OBSID": 204595,
    "CHIPID": "R11_S20",
    "FILTER": "i",
    "PKG00001": "throughputs",
    "VER00001": "1.4",
    "EXPTIME": 30.0,
    "IMGTYPE": "SKYEXP",
    "MJD-OBS": 59857.28711061111,
    "RATEL": 55.677,
    "DECTEL": -30.442,
    "ROTANGLE": 195.625,
}


def _read(instrument: str, cards: Cards, **changes: Any) -> Exposure:
    return read_exposure(SHIPPED[instrument], {**cards, **changes})


def _is(exposure: Exposure, /, **facts: Any) -> None:
    found = {name: getattr(exposure, name) for name in facts}
    numbers = {name: value for name, value in facts.items() if isinstance(value, float)}
    assert {name: found[name] for name in numbers} == pytest.approx(numbers, abs=1e-6)
    assert {name: value for name, value in found.items() if name not in numbers} == {
        name: value for name, value in facts.items() if name not in numbers
    }


def test_lsstcam() -> None:
    plain = _read("LSSTCam", LSST)
    _is(plain, detector=94, exposure=2026031300217, physical_filter="r_57", observation_type="science")
    _is(plain, exposure_time=30.0009, dark_time=30.9, ra=149.91, dec=2.21, sky_angle=100.0)
    assert plain.end - plain.begin == pytest.approx(30.9, abs=1e-4)
    bench: Cards = dict.fromkeys(("GROUPID", "MJD-BEG", "DATE-BEG", "MJD-END", "DATE-END", "SHUTTIME"))
    dates = {"MJD-OBS": 58561.66004797444, "DATE-OBS": "2019-03-19T15:50:28.145"}
    laboratory = {"OBSID": "MC_C_20190319_000001", "DAYOBS": "20190319", "SEQNUM": 1, "FILTER": "NONE"}
    old = _read("LSSTCam", LSST, **bench, **dates, **laboratory)
    _is(old, exposure=3019031900001, group="3019031900001", snap=0, physical_filter="none")
    _is(old, exposure_time=30.0, end=old.begin + 30)


@pytest.mark.parametrize(
    ("obs_id", "expected"),
    [("MC_O_20250421_000900", 10.0), ("MC_O_20250422_000250", 280.0), ("MC_O_20250422_000251", 100.0)],
)
def test_lsstcams_rotation_was_wrong_in_its_first_nights(obs_id: str, expected: float) -> None:
    read = _read("LSSTCam", LSST, OBSID=obs_id, DAYOBS=obs_id[5:13], SEQNUM=int(obs_id[-6:]))
    _is(read, sky_angle=expected)


@pytest.mark.parametrize(
    ("wheels", "expected"),
    [
        ({"FILTER": "SDSSi", "FILTER2": "empty"}, "SDSSi"),
        ({"FILTER": "SDSSi", "FILTER2": "ND_OD0.5"}, "SDSSi~ND_OD0.5"),
        ({"FILTER": None, "FILTER1": "HIGH"}, "HIGH"),
        ({"FILTER": None}, "unknown"),
    ],
)
def test_lsstcams_filters_of_the_laboratory(wheels: Cards, expected: str) -> None:
    _is(_read("LSSTCam", LSST, **wheels), physical_filter=expected)


def test_latiss() -> None:
    read = _read("LATISS", LATISS)
    _is(read, detector=0, physical_filter="SDSSr_65mm~empty", exposure_time=30.0, ra=149.91)
    _is(_read("LATISS", LATISS, GRATING=None), physical_filter="SDSSr_65mm~unknown")
    _is(_read("LATISS", LATISS, RAFTBAY=None, CCDSLOT=None, DARKTIME=0.0), detector=0, dark_time=30.0)
    _is(_read("LATISS", LATISS, OBSID="AT_X_20260313_000217"), exposure=2026031300217)
    _is(_read("LATISS", LATISS, OBSTYPE="cwfs"), observation_type="cwfs")
    with pytest.raises(InvalidHeaderError, match=r"card EXPTIME .* is absent"):
        _read("LATISS", LATISS, EXPTIME=None)
    _is(_read("LATISS", LATISS, EXPTIME=None, IMGTYPE="UNKNOWN"), exposure_time=-1.0, end=read.end)


@pytest.mark.parametrize(
    ("day", "ra", "angle"),
    [
        ("2019-11-13", 57.29577951308232, 100.0),  # RA was in radians
        ("2020-02-02", 1.0, 100.0),  # RASTART was of another place
        ("2020-06-01", 30.15416667, 100.0),  # and in hours, 37 s late
        ("2021-02-11", 30.15416667, 280.0),
        ("2021-06-01", 2.0, 280.0),
        ("2022-01-01", 2.0, 100.0),
    ],
)
def test_latiss_was_wrong_in_many_ways(day: str, ra: float, angle: float) -> None:
    bare: Cards = dict.fromkeys(("MJD-BEG", "MJD-END", "DATE-END", "OBSID", "DAYOBS", "SEQNUM"))
    name = {"FILENAME": f"AT_O_{day.replace('-', '')}_000003.fits"}
    times = {"DATE-BEG": f"{day}T03:00:00"}
    read = _read("LATISS", LATISS, **bare, **name, **times, RA=1.0, RASTART=2.0, DEC=0.5, DECSTART=0.5)
    _is(read, ra=ra, sky_angle=angle, seqnum=3, obs_id=name["FILENAME"].removesuffix(".fits"))


def test_latiss_clock_was_not_set_for_a_while() -> None:
    unset: Cards = {"MJD-BEG": 40587.0000925935, "DATE-BEG": "1970-01-01T00:00:08.000", "MJD-END": 40587.1}
    names: Cards = {"OBSID": "AT_O_20191104_000003", "DAYOBS": "20191104", "SEQNUM": 3}
    cards = {**LATISS, **unset, **names, "MJD": 58791.8213788237, "RA": None, "DEC": None}
    read = _read("LATISS", cards)
    _is(read, begin=1572896567.130368, end=read.begin + 30, observation_type="engtest")


@pytest.mark.parametrize(
    ("group", "expected"), [("bias_0027_0100", "bias"), ("test_1", "unknown"), ("FLAT", "flat")]
)
def test_latiss_once_had_its_kinds_in_the_group(group: str, expected: str) -> None:
    names: Cards = {"OBSID": "AT_O_20190915_000037", "DAYOBS": "20190915", "SEQNUM": 37}
    times: Cards = {"MJD-BEG": 58741.7594027778, "MJD-END": None, "DATE-END": None, "IMGTYPE": None}
    _is(_read("LATISS", LATISS, **names, **times, GROUPID=group), observation_type=expected)


def test_comcam_had_one_filter_and_called_it_by_its_band() -> None:
    comcam = {**LSST, "OBSID": "CC_O_20260313_000217", "INSTRUME": "COMCAM"}
    _is(_read("LSSTComCam", comcam, FILTER="r_03"), physical_filter="r_03", detector=4)
    _is(_read("LSSTComCam", comcam, FILTER="r"), physical_filter="empty")
    early: Cards = {"OBSID": "CC_O_20200101_000217", "DAYOBS": "20200101", "FILTER": "r"}
    _is(_read("LSSTComCam", comcam, **early), physical_filter="r_03")


def test_comcam_as_it_is_simulated() -> None:
    bias: Cards = {"OBSID": "IM_P_20240117_000000", "DAYOBS": "20240117", "SEQNUM": 0, "IMGTYPE": "bias"}
    _is(
        _read("LSSTComCamSim", {**LSST, "INSTRUME": "ComCamSim"}, **bias),
        exposure=5024011700000,
        observation_type="bias",
    )


def test_sensors_of_ts8_go_by_serial_number() -> None:
    read = _read("LSST-TS8", TS8)
    assert SHIPPED["LSST-TS8"].detector(read.detector).name == "RTM-010_S02"
    _is(read, exposure=201807241028453, day_obs=20180724, seqnum=17, physical_filter="z", ra=None)
    assert read.obs_id == TS8["FILENAME"].removesuffix(".fits")
    # Later the dates were those of the end.
    newer = _read("LSST-TS8", TS8, OBSID="TS_C_20180724_000017", DAYOBS="20180724")
    _is(newer, begin=read.begin - 21.913, end=read.begin)


def test_imsim() -> None:
    read = _read("LSSTCam-imSim", IMSIM)
    _is(read, detector=42, exposure=204595, obs_id="204595", group="204595", day_obs=20221005)
    _is(read, physical_filter="i_sim_1.4", observation_type="science", ra=55.677, sky_angle=254.375)
    _is(_read("LSSTCam-imSim", IMSIM, VER00001=None), physical_filter="i")
    places: Cards = {"CHIPID": None, "RAFTNAME": "R11", "SENSNAME": "S02"}
    _is(_read("LSSTCam-imSim", IMSIM, **places), detector=38)
