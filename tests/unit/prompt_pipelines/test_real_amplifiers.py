"""Amplifiers of real raws: their cards say what the cameras' own files say."""

import csv
import json
from typing import Any, cast

import numpy as np
import pytest
from astropy.io import fits

from prompt_pipelines.camera import DetectorDict
from prompt_pipelines.raw import RawFrame
from prompt_pipelines.readouts import readouts_of
from raw_files.images import ImageHdu
from raw_files.sections import parse_section
from tests.shared_data import shared_data

LSST = {"data": ["DATASEC"], "image": ["DETSEC"], "image_from_top": True}
DECAM = {
    "data": ["DATASEC{amplifier}"],
    "overscan": ["BIASSEC{amplifier}"],
    "image": ["DETSEC{amplifier}"],
}


def box(text: str) -> list[int]:
    section = parse_section(text)
    assert section is not None
    return section.box


def amplifiers(camera: str, kind: str) -> list[dict[str, str]]:
    """Read what a camera's own file says of the amplifiers of a type, or of a detector."""
    with (shared_data("amplifiers") / f"{camera}.csv").open() as file:
        return [row for row in csv.DictReader(file) if kind in {row["detector_type"], row["detector"]}]


def images(header: str) -> list[RawFrame]:
    """Make the images of a file of which there are only headers; their pixels take no memory."""
    hdus = json.loads((shared_data("headers") / header).read_text())["hdus"]
    frames = []
    for number, cards in enumerate(hdus):
        said = {card[0]: card[1] for card in cards if card[0] not in {"", "COMMENT", "HISTORY"}}
        columns, rows = (said.get(f"ZNAXIS{axis}", said.get(f"NAXIS{axis}")) for axis in (1, 2))
        if columns is None or rows is None or ("ZNAXIS" not in said and said.get("XTENSION") != "IMAGE"):
            continue
        pixels = np.broadcast_to(np.int16(0), (rows, columns))
        name = str(said.get("EXTNAME", ""))
        hdu = ImageHdu(label=f"HDU {number} {name}", name=name, shape=pixels.shape, bits=32, number=number)
        frames.append(RawFrame(pixels, fits.Header({k: v for k, v in said.items() if len(k) <= 8}), hdu=hdu))
    return frames


def check(header: str, rows: list[dict[str, str]], cards: dict[str, Any], *, size: tuple[int, int]) -> int:
    """Read the amplifiers by their cards alone; returns how many there are."""
    frames = images(header)
    named = [
        {
            "name": row["amp"],
            "hdu": row["extname"],
            "data": [0, 1, 0, 1],
            "overscan": box(row["serial_overscan"]),
            "image": [0, 1, 0, 1],
            "gain": 1.0,
            "read_noise": 1.0,
            "saturation": 1e5,
        }
        for row in rows
    ]
    detector = {"name": "it", "nx": size[0], "ny": size[1], "amplifiers": named, "amplifier_cards": cards}
    raw = RawFrame(frames[0].pixels, frames[0].header, hdu=frames[0].hdu, others=tuple(frames[1:]))
    readouts = readouts_of(raw, cast(DetectorDict, detector))
    for row, readout in zip(rows, readouts, strict=True):
        found = cast(dict[str, Any], readout.amplifier)
        assert found["data"] == box(row["data"]), row["amp"]
        assert found["image"] == box(row["image"]), row["amp"]
        assert found["flip_x"] == (row["flip_x"] == "true"), row["amp"]
        assert found["flip_y"] == (row["flip_y"] == "true"), row["amp"]
        if "overscan" in cards:
            assert found["overscan"] == box(row["serial_overscan"])
    return len(readouts)


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("lsstcam/raw-3019031900001-R10-S02-det029.json", "ITL"),
        ("lsstcam/raw-3019031900001-R22-S21-det097.json", "ITL"),
        ("lsstcam/raw-30211212000310-R22-S22-det098.json", "E2V"),
    ],
)
def test_sixteen_amplifiers_of_lsstcam_are_where_its_own_file_has_them(header: str, kind: str) -> None:
    size = (4096, 4004) if kind == "E2V" else (4072, 4000)
    assert check(header, amplifiers("lsstcam", kind), LSST, size=size) == 16


def test_both_amplifiers_of_a_detector_of_decam_are_where_its_own_file_has_them() -> None:
    rows = amplifiers("decam", "S1")
    assert check("decam/fitsheader-decam.json", rows, DECAM, size=(2048, 4096)) == 2
