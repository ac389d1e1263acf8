"""Which cards hold which fact, guessed from headers of several writers."""

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import pytest

from workbench.camera_draft.detector_guess import DetectorGuess, tell_detectors
from workbench.camera_draft.header_guess import cd_matrix, guess_begin, guess_facts
from workbench.camera_draft.words import band_of

MAXIM = {
    "INSTRUME": "SBIG STF-8300", "IMAGETYP": "Light Frame", "FILTER": "Luminance", "EXPTIME": 60.0,
    "EXPOSURE": 60.0, "DATE-OBS": "2026-03-14T02:15:07.3", "OBJCTRA": "08 18 29", "OBJCTDEC": "+25 20 00",
}  # fmt: skip
SPLIT = {
    "INSTRUME": "nasa42", "OBSTYPE": "OBJECT", "FILTNAME": "VR", "EXPTIME": 300.0, "DATE-OBS": "2026-03-14",
    "UTCSTART": "02:15:07.3", "RA": 124.5, "DEC": 25.3, "OBSERNO": 3, "FILENAME": "/data/20260314.0003.fits",
}  # fmt: skip


def facts_of(headers: Sequence[Mapping[str, object]]) -> Mapping[str, Mapping[str, Any]]:
    return {guess.fact: guess.rule for guess in guess_facts(headers)}


def test_each_writer_s_cards_are_found() -> None:
    found = facts_of([MAXIM])
    assert found["observation_type"] == {"card": "IMAGETYP"}
    assert found["begin"] == {"card": "DATE-OBS", "format": "isot", "time_scale": "utc"}
    assert found["ra"] == {"card": "OBJCTRA", "unit": "hourangle"}
    assert found["dec"] == {"card": "OBJCTDEC", "unit": "deg"}


def test_a_date_without_a_time_is_joined_with_one() -> None:
    found = facts_of([SPLIT])
    assert found["begin"]["cards"] == ["DATE-OBS", "UTCSTART"]
    assert found["ra"] == {"card": "RA", "unit": "deg"}
    assert found["obs_id"] == {"card": "FILENAME", "pattern": r"([^/]+)[.]fi?ts?\b"}


def test_a_card_that_holds_no_such_fact_is_passed_over() -> None:
    found = facts_of([SPLIT | {"DATE-OBS": "tonight", "DATE-BEG": "2026-03-14T02:15:07", "RA": 400.0}])
    assert found["begin"]["card"] == "DATE-BEG"
    assert "ra" not in found


def test_a_number_that_two_exposures_share_numbers_nothing() -> None:
    second = SPLIT | {"UTCSTART": "02:20:07.3"}
    assert "seqnum" not in facts_of([SPLIT, second]) or facts_of([SPLIT, second])["seqnum"] != {
        "card": "OBSERNO"
    }
    assert facts_of([SPLIT, second | {"OBSERNO": 4}])["seqnum"] == {"card": "OBSERNO"}


def test_the_file_s_name_numbers_exposures_if_nothing_else_does() -> None:
    headers = [MAXIM, MAXIM | {"DATE-OBS": "2026-03-14T02:20:07"}]
    by_name = {
        guess.fact: guess.rule for guess in guess_facts(headers, ["light_007.fits.fz", "light_008.fits.fz"])
    }
    assert by_name["seqnum"] == {"file": "([0-9]{1,5})[^0-9]*$"}
    assert "seqnum" not in {guess.fact for guess in guess_facts(headers, ["a_007.fits", "b_007.fits"])}


def told(headers: Sequence[Mapping[str, object]], **others: Any) -> DetectorGuess:
    return tell_detectors(headers, guess_begin(headers), **others)


def of_two(*detectors: Mapping[str, object]) -> list[dict[str, object]]:
    """The headers of two exposures."""
    return [
        {**SPLIT, "UTCSTART": f"02:{minute}:07", "OBSERNO": minute, **one}
        for minute in (15, 20)
        for one in detectors
    ]


def test_files_of_one_exposure_are_told_apart_by_their_detector() -> None:
    files = of_two(*({"CHIPID": chip, "NAXIS2": 100 + chip} for chip in (4, 7)))
    guess = told(files)
    assert guess.rule is not None
    assert guess.rule.rule == {"card": "CHIPID"}
    assert guess.keys == ((4, "det4"), (7, "det7")) * 2
    found = {one.fact: one.rule for one in guess_facts(files, detectors=guess.count)}
    assert found["seqnum"] == {"card": "OBSERNO"}


def test_detectors_are_told_apart_by_two_cards_that_name_them() -> None:
    guess = told(of_two(*({"RAFTBAY": raft, "CCDSLOT": "S11"} for raft in ("R22", "R01"))))
    assert guess.rule is not None
    assert (guess.rule.fact, guess.rule.rule) == (
        "detector_name",
        {"cards": ["RAFTBAY", "CCDSLOT"], "join": "_"},
    )
    assert guess.keys == ((1, "R22_S11"), (0, "R01_S11")) * 2


def test_detectors_are_told_apart_by_the_names_of_their_files() -> None:
    names = [f"m31_{minute}_ccd{chip}.fits" for minute in (15, 20) for chip in (1, 2)]
    headers = [dict(one) for one in of_two({}, {})]
    for header, name in zip(headers, names, strict=True):
        del header["OBSERNO"]
        header["FILENAME"] = name
    guess = told(headers, files=names)
    assert guess.keys == ((1, "det1"), (2, "det2")) * 2
    found = {one.fact: one.rule for one in guess_facts(headers, names, detectors=guess.count)}
    # A name that differs from detector to detector names no exposure.
    assert "obs_id" not in found
    assert re.search(found["seqnum"]["file"], names[3])[1] == "20"  # type: ignore[index]  # it matches


def test_detectors_in_hdus_of_their_own_are_numbered_and_named_by_cards() -> None:
    headers = of_two(*({"CCDNUM": number, "DETPOS": name} for number, name in ((31, "S7"), (32, "N1"))))
    guess = told(headers, hdus=[("S7",), ("N1",)] * 2)
    assert guess.rule is not None
    assert guess.rule.rule == {"card": "CCDNUM"}
    assert guess.keys == ((31, "S7"), (32, "N1")) * 2
    silent = told(of_two({}, {}), hdus=[("im1",), (2,)] * 2)
    assert silent.rule is None
    assert silent.keys == ((0, "im1"), (1, "det1")) * 2


def test_files_of_several_detectors_each_are_told_apart_by_their_names() -> None:
    files = [
        f"exp{exposure}_{half}.fits" for exposure in (7, 8) for half in ("east", "west") for _ in range(2)
    ]
    headers = of_two({}, {}, {}, {})
    other = told(headers, files=files, hdus=[("im1",), ("im2",)] * 4)
    assert other.keys == ((0, "im1_east"), (1, "im2_east"), (2, "im1_west"), (3, "im2_west")) * 2
    assert [bool(fnmatchcase(files[0], other.patterns[number])) for number in range(4)] == [
        True, True, False, False,
    ]  # fmt: skip
    alone = told(headers, files=[name.replace("_west", "_east") for name in files], hdus=[("a",), ("b",)] * 4)
    assert not alone.patterns


def test_a_camera_of_one_detector_needs_no_card_for_it() -> None:
    guess = told([SPLIT, SPLIT | {"UTCSTART": "02:20:07"}])
    assert guess.rule is not None
    assert guess.rule.rule == {"value": 0}


@pytest.mark.parametrize(
    ("name", "band"),
    [("Y DECam c0005 10095.0 1130.0", "y"), ("i.MP9702", "i"), ("HSC-R2", "r"), ("SDSS_g", "g"), ("V", "g")],
)
def test_a_filter_s_name_tells_its_band(name: str, band: str) -> None:
    assert band_of(name) == band


@pytest.mark.parametrize("as_text", [False, True])
def test_the_rotation_is_that_of_plus_y_from_north_through_east(as_text: bool) -> None:
    matrix: dict[str, object] = {"CD1_1": 0.0, "CD1_2": 3e-4, "CD2_1": 3e-4, "CD2_2": 0.0}
    if as_text:
        matrix = {name: str(value) for name, value in matrix.items()}
    assert facts_of([SPLIT | matrix])["sky_angle"] == {"value": 90.0}


def test_steps_and_a_rotation_make_a_matrix() -> None:
    cards = {"CTYPE1": "RA---TAN", "CDELT1": -2e-4, "CDELT2": 2e-4, "CROTA2": 90.0}
    assert cd_matrix(cards) == pytest.approx((0.0, -2e-4, -2e-4, 0.0), abs=1e-12)
    assert cd_matrix({"CD1_1": 1.0, "CD1_2": 2.0, "CD2_1": 2.0, "CD2_2": 4.0}) is None
