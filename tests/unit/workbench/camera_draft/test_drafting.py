"""Cameras of several detectors, drafted from headers alone."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from raw_files.images import ImageHdu
from raw_files.reading import ListedImage
from workbench.camera_draft.drafting import CameraDraft, draft_camera
from workbench.camera_draft.file_parts import parts_of_file
from workbench.camera_draft.samples import Sample
from workbench.camera_draft.writing import open_questions

SCIENCE: Mapping[str, str | float] = {
    "DATE-OBS": "2026-03-14T02:15:07",
    "OBSTYPE": "OBJECT",
    "EXPTIME": 30.0,
    "FILTER": "r",
}
ROWS, COLUMNS = 400, 220


def image(name: str, cards: Mapping[str, object], number: int = 1) -> ListedImage:
    hdu = ImageHdu(label=name, name=name, shape=(ROWS, COLUMNS), bits=16, number=number)
    return ListedImage(hdu=hdu, cards={"EXTNAME": name, **cards})  # type: ignore[dict-item]  # texts and numbers


def mosaic(detectors: Mapping[str, Mapping[str, object]]) -> CameraDraft:
    """Draft the camera of one file with an HDU for each detector."""
    images = [image(name, cards, number) for number, (name, cards) in enumerate(detectors.items(), start=1)]
    return draft_camera(
        [
            Sample(
                path=Path("/nowhere/exp_001.fits"), primary=SCIENCE, images=(one,), hdus=(one.hdu.name,),
                is_alone=False,
            )
            for one in images
        ]
    )  # fmt: skip


def places(draft: CameraDraft) -> dict[str, tuple[float, float, float] | None]:
    return {
        one.name: None if one.place is None else (one.place.x, one.place.y, round(one.place.yaw, 3) % 360)
        for one in draft.detectors
    }


def wcs(x: float, y: float, yaw: float = 0.0, turn: float = 30.0) -> dict[str, object]:
    """The cards of a detector whose centre is at a place in pixels, of a camera turned on the sky."""
    scale, angle, own = 1e-4, math.radians(turn), math.radians(yaw)
    camera = [
        [-scale * math.cos(angle), scale * math.sin(angle)],
        [scale * math.sin(angle), scale * math.cos(angle)],
    ]
    turned = [[math.cos(own), -math.sin(own)], [math.sin(own), math.cos(own)]]
    matrix = [
        [sum(camera[row][k] * turned[k][column] for k in (0, 1)) for column in (0, 1)] for row in (0, 1)
    ]
    # Where the boresight is from the detector's centre, on its own axes; 20 columns of overscan come first.
    across = -x * math.cos(own) - y * math.sin(own)
    along = x * math.sin(own) - y * math.cos(own)
    return {
        "DATASEC": f"[21:{COLUMNS},1:{ROWS}]", "BIASSEC": f"[1:20,1:{ROWS}]",
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 150.0, "CRVAL2": 2.0,
        "CRPIX1": 20.5 + (COLUMNS - 20) / 2 + across, "CRPIX2": 0.5 + ROWS / 2 + along,
        "CD1_1": matrix[0][0], "CD1_2": matrix[0][1], "CD2_1": matrix[1][0], "CD2_2": matrix[1][1],
    }  # fmt: skip


def test_a_wcs_tells_where_detectors_sit_and_how_they_are_turned() -> None:
    where = {
        "C": (1.0, 2.0, 0.0),
        "E": (230.0, 5.0, 0.0),
        "N": (-3.0, 450.0, 180.0),
        "W": (-240.0, 1.0, 90.0),
    }
    draft = mosaic({name: wcs(*place) for name, place in where.items()})
    found = places(draft)
    for name, place in where.items():
        assert found[name] == pytest.approx(place, abs=1e-3)
    assert draft.scales.x_axis.value == "west"
    facts = {one.fact: one.rule for one in draft.facts}
    # The rotation is that of the detector in the middle.
    assert facts["sky_angle"] == {"value": pytest.approx(30.0)}
    assert draft.is_mosaic
    assert [one.hdu for one in draft.detectors] == list(where)
    assert len(draft.types) == 1


def test_detsec_places_detectors_where_no_wcs_does() -> None:
    data = {"DATASEC": f"[21:{COLUMNS},1:{ROWS}]", "DETSIZE": "[1:420,1:820]"}
    draft = mosaic(
        {
            "a": data | {"DETSEC": "[1:200,1:400]"},
            "b": data | {"DETSEC": "[221:420,1:400]"},
            "c": data | {"DETSEC": "[200:1,820:421]"},
        }
    )
    assert places(draft) == {
        "a": (-110.0, -210.0, 0.0),
        "b": (110.0, -210.0, 0.0),
        "c": (-110.0, 210.0, 180.0),
    }


def test_detectors_that_nothing_places_are_to_be_placed_by_a_person() -> None:
    draft = mosaic({name: {"DATASEC": f"[21:{COLUMNS},1:{ROWS}]"} for name in ("ccd1", "ccd2")})
    assert places(draft) == {"ccd1": None, "ccd2": None}
    assert any("where each of ccd1, ccd2 sits" in question for question in open_questions(draft))


@pytest.mark.parametrize(
    ("images", "parts"),
    [
        ([("Segment10", {"CHANNEL": 1}), ("Segment11", {"CHANNEL": 2})], [2]),
        ([("im1", {"CCDNAME": "A"}), ("im2", {"CCDNAME": "A"}), ("im3", {"CCDNAME": "B"})], [2, 1]),
        ([("S1", {"CCDNUM": 25}), ("S2", {"CCDNUM": 26})], [1, 1]),
        ([("ccd00", {"AMPNAME": "a + b"}), ("ccd01", {"AMPNAME": "a + b"})], [1, 1]),
        ([("1", {"CCDSEC": "[1:200,1:400]"}), ("2", {"CCDSEC": "[201:400,1:400]"})], [2]),
        ([("1", {"CCDSEC": "[1:200,1:400]"}), ("2", {"CCDSEC": "[1:200,1:400]"})], [1, 1]),
    ],
    ids=["amplifiers", "two and one", "detectors", "detectors by name", "of one CCD", "of two CCDs"],
)  # fmt: skip
def test_images_of_a_file_are_of_one_detector_or_several(
    images: Sequence[tuple[str, Mapping[str, object]]], parts: Sequence[int]
) -> None:
    found, is_told = parts_of_file([image(name, cards) for name, cards in images])
    assert [len(part) for part in found] == parts
    assert is_told


def test_images_that_nothing_tells_apart_are_taken_for_detectors_with_a_word() -> None:
    found, is_told = parts_of_file([image("one", {}), image("two", {})])
    assert ([len(part) for part in found], is_told) == ([1, 1], False)
