"""Amplifiers put together: in one image or each in its HDU, turned, by the camera's file or by cards."""

import copy
from typing import Any, cast

import numpy as np
import pytest
from astropy.io import fits
from attrs import evolve

from prompt_pipelines.assembly import amplifier_map, assemble
from prompt_pipelines.camera import AmplifierDict, DetectorDict
from prompt_pipelines.errors import UnusableImageError
from prompt_pipelines.raw import RawFrame
from prompt_pipelines.readouts import as_read
from raw_files.images import ImageHdu

NX, NY = 12, 8
SKY = np.arange(NX * NY, dtype=np.float32).reshape(NY, NX)
"""What the assembled detector must show: no two pixels are alike."""
HALF = NX // 2
OFFSET = 500

type Frames = dict[str | int, RawFrame]


def amplifier(name: str, image: list[int], **more: Any) -> AmplifierDict:
    """Describe an amplifier with two columns of prescan, data, three of overscan, and a row above."""
    plain = {
        "name": name,
        "data": [2, 2 + HALF, 0, image[3] - image[2]],
        "overscan": [2 + HALF, 5 + HALF, 0, image[3] - image[2]],
        "image": image,
        "gain": 1.0,
        "read_noise": 5.0,
        "saturation": 60_000.0,
    }
    return cast(AmplifierDict, plain | more)


def detector(*amplifiers: AmplifierDict, **more: Any) -> DetectorDict:
    plain = {
        "name": "S1",
        "nx": NX,
        "ny": NY,
        "pixel_size_um": 10.0,
        "x_mm": 0.0,
        "y_mm": 0.0,
        "yaw_deg": 0.0,
    }
    return cast(DetectorDict, plain | {"amplifiers": list(amplifiers)} | more)


FOUR = detector(
    amplifier("C10", [0, HALF, NY // 2, NY], hdu="Segment10", flip_x=True, flip_y=True),
    amplifier("C11", [HALF, NX, NY // 2, NY], hdu="Segment11", flip_y=True),
    amplifier("C01", [HALF, NX, 0, NY // 2], hdu="Segment01"),
    amplifier("C00", [0, HALF, 0, NY // 2], hdu="Segment00", flip_x=True),
)


def plane(one: AmplifierDict, offset: int) -> Any:
    """Read one amplifier out, its electronics at the corner of its own frame."""
    x, y = slice(*one["image"][:2]), slice(*one["image"][2:])
    light = SKY[y, x]
    if one.get("flip_x"):
        light = np.fliplr(light)
    if one.get("flip_y"):
        light = np.flipud(light)
    rows, columns = light.shape
    pixels = np.full((rows + 1, columns + 5), 7, np.int32)
    pixels[:rows, 2 : 2 + columns] = light + offset
    pixels[:rows, 2 + columns :] = offset
    return pixels


def raw_of(description: DetectorDict, headers: dict[str, dict[str, Any]] | None = None) -> RawFrame:
    """Read a detector out whose amplifiers have HDUs of their own, in an order that nobody promised."""
    frames = []
    for number, one in enumerate(description["amplifiers"], start=1):
        pixels = plane(one, OFFSET + number)
        name = str(one["hdu"])
        hdu = ImageHdu(
            label=f"HDU {number} {name}", name=name.upper(), shape=pixels.shape, bits=32, number=number
        )
        frames.append(RawFrame(pixels, fits.Header((headers or {}).get(name, {})), hdu=hdu))
    frames.reverse()
    return evolve(frames[0], others=tuple(frames[1:]))


def test_each_amplifier_goes_where_and_how_it_is_on_the_detector() -> None:
    assembled = assemble(raw_of(FOUR), FOUR)
    np.testing.assert_array_equal(assembled.pixels, SKY)
    assert assembled.overscan_levels == {"C10": 501, "C11": 502, "C01": 503, "C00": 504}


def test_an_amplifier_whose_hdu_is_missing_is_named() -> None:
    whole = raw_of(FOUR)
    with pytest.raises(UnusableImageError, match="S1: it has no image in HDU Segment10"):
        assemble(evolve(whole, others=whole.others[:2]), FOUR)


def test_a_parallel_overscan_serves_where_there_is_no_serial_one() -> None:
    one = amplifier("A", [0, NX, 0, NY], data=[0, NX, 2, 2 + NY], overscan=[0, 0, 0, 0])
    pixels = np.full((NY + 4, NX), 40)
    pixels[2 : 2 + NY] = SKY + 300
    pixels[2 + NY :] = 300
    with_rows: AmplifierDict = {**one, "parallel_overscan": [0, NX, 2 + NY, 4 + NY]}
    np.testing.assert_array_equal(assemble(RawFrame(pixels), detector(with_rows)).pixels, SKY)
    np.testing.assert_array_equal(assemble(RawFrame(pixels), detector(one)).pixels, SKY + 300)


LSST_CARDS = {"data": ["DATASEC"], "image": ["DETSEC"], "image_from_top": True, "gain": ["GAIN"]}


def lsst_headers() -> dict[str, dict[str, Any]]:
    """Write the cards of an LSST raw: rows of DETSEC from the top, turned readouts by bounds that fall."""
    x = {"Segment10": "6:1", "Segment11": "7:12", "Segment01": "7:12", "Segment00": "6:1"}
    y = {"Segment10": "1:4", "Segment11": "1:4", "Segment01": "8:5", "Segment00": "8:5"}
    return {
        name: {"DATASEC": "[3:8,1:4]", "DETSEC": f"[{x[name]},{y[name]}]", "GAIN": 1.5 + number}
        for number, name in enumerate(x)
    }


def bare(description: DetectorDict, **more: Any) -> DetectorDict:
    """Leave out what the cards say, but for something that is wrong."""
    changed = copy.deepcopy(description)
    for one in changed["amplifiers"]:
        one.update({"data": [0, 1, 0, 1], "image": [0, 1, 0, 1], "flip_x": False, "flip_y": False})
    return cast(DetectorDict, changed | more)


def test_cards_of_lsst_s_amplifiers_count_rows_from_the_top() -> None:
    assembled = assemble(raw_of(FOUR, lsst_headers()), bare(FOUR, amplifier_cards=LSST_CARDS))
    np.testing.assert_array_equal(assembled.pixels, SKY)
    gains = amplifier_map(assembled.detector, "gain")
    assert (gains[-1, 0], gains[-1, -1], gains[0, -1], gains[0, 0]) == (1.5, 2.5, 3.5, 4.5)


def test_masters_take_gains_from_the_cards_of_their_frames_too() -> None:
    described = bare(FOUR, amplifier_cards=LSST_CARDS)
    broken = evolve(raw_of(FOUR, lsst_headers()), others=())
    read = as_read([broken, raw_of(FOUR, lsst_headers())], described)
    assert sorted(amplifier["gain"] for amplifier in read["amplifiers"]) == [1.5, 2.5, 3.5, 4.5]
    assert as_read([broken], described) is described


def test_cards_of_decam_s_amplifiers_are_of_the_focal_plane_and_in_one_image() -> None:
    cards = {
        "data": ["TRIMSEC{amplifier}", "DATASEC{amplifier}"],
        "overscan": ["BIASSEC{amplifier}"],
        "image": ["DETSEC{amplifier}"],
        "gain": ["GAIN{amplifier}"],
    }
    # A is on the left here; the camera's file says that it is on the right, as for half of DECam's.
    described = detector(
        amplifier("A", [HALF, NX, 0, NY], hdu="S1"),
        amplifier("B", [0, HALF, 0, NY], hdu="S1"),
        amplifier_cards=cards,
    )
    pixels = np.zeros((NY, NX + 6), np.int32)
    pixels[:, 3:-3] = SKY + 100
    pixels[:, :3], pixels[:, -3:] = 100, 100
    header = {
        "DATASECA": "[4:9,1:8]",
        "BIASSECA": "[1:3,1:8]",
        "DETSECA": "[2049:2054,4097:4104]",
        "GAINA": 4.5,
        "DATASECB": "[10:15,1:8]",
        "BIASSECB": "[16:18,1:8]",
        "DETSECB": "[2055:2060,4097:4104]",
        "GAINB": 4.25,
    }
    hdu = ImageHdu(label="HDU 1 S1", name="S1", shape=pixels.shape, bits=32, number=1)
    assembled = assemble(RawFrame(pixels, fits.Header(header), hdu=hdu), described)
    np.testing.assert_array_equal(assembled.pixels, SKY)
    assert amplifier_map(assembled.detector, "gain")[0, [0, -1]].tolist() == [4.5, 4.25]


@pytest.mark.parametrize(
    ("cards", "said"),
    [
        ({"DETSEC": "[7:12,1:4]"}, "amplifier C11: by the file's cards it overlaps another one"),
        ({"DETSEC": "[1:6,1:3]"}, "amplifier C10: its data do not fill its section"),
        ({"DATASEC": "[3:8,10:13]"}, "amplifier C10: its data leaves the 11 x 5 pixels"),
        ({"DATASEC": "3 to 8"}, "card DATASEC: '3 to 8' is no section"),
        ({"GAIN": 0.0}, "card GAIN: 0.0 is no gain"),
        ({"DETSEC": "[106:101,1:4]"}, "amplifier C10: its section leaves the 12 x 8 pixels"),
    ],
    ids=str,
)
def test_cards_that_contradict_each_other_are_named(cards: dict[str, Any], said: str) -> None:
    headers = lsst_headers()
    headers["Segment10"] |= cards
    with pytest.raises(UnusableImageError, match=said):
        assemble(raw_of(FOUR, headers), bare(FOUR, amplifier_cards=LSST_CARDS))


def test_what_no_card_says_the_camera_s_file_says() -> None:
    described = cast(DetectorDict, {**FOUR, "amplifier_cards": LSST_CARDS})
    assembled = assemble(raw_of(FOUR), described)
    np.testing.assert_array_equal(assembled.pixels, SKY)
    assert amplifier_map(assembled.detector, "gain")[0, 0] == 1.0
