"""Where the shipped cameras' amplifiers are."""

import csv
from typing import Any

import numpy as np
import pytest

from domain.cameras.camera import Amplifier, Box, DetectorType
from tests.shared_data import shared_data
from tests.strategies.cameras import SHIPPED

CAMERAS = {
    "decam": "DECam",
    "hsc": "HSC",
    "latiss": "LATISS",
    "lsst-ts8": "LSST-TS8",
    "lsstcam": "LSSTCam",
    "lsstcam-imsim": "LSSTCam-imSim",
    "lsstcomcam": "LSSTComCam",
    "lsstcomcamsim": "LSSTComCamSim",
}
TYPES = [
    pytest.param(kind, id=f"{camera.instrument} {kind.nx} x {kind.ny}")
    for camera in SHIPPED.values()
    for kind in {id(one.type): one.type for one in camera.detectors if one.type is not None}.values()
]
type Row = dict[str, str]


@pytest.mark.parametrize("kind", TYPES)
def test_amplifiers_fill_their_detector_once(kind: DetectorType) -> None:
    seen = np.zeros((kind.ny, kind.nx), int)
    for amplifier in kind.amplifiers:
        box = amplifier.image
        seen[box.y_min : box.y_max, box.x_min : box.x_max] += 1
    assert (seen == 1).all()


def _lines(name: str) -> list[str]:
    return (shared_data("amplifiers") / name).read_text().splitlines()


def _box(section: str) -> Box | None:
    if not section:
        return None
    x, y = (part.split(":") for part in section.strip("[]").split(","))
    return Box(int(x[0]) - 1, int(x[1]), int(y[0]) - 1, int(y[1]))


def _as_measured(row: Row) -> dict[str, Any]:
    return {
        "data": _box(row["data"]),
        "overscan": _box(row["serial_overscan"]),
        "parallel_overscan": _box(row["parallel_overscan"]),
        "prescan": _box(row["serial_prescan"]),
        "parallel_prescan": _box(row["parallel_prescan"]),
        "image": _box(row["image"]),
        "flip_x": row["flip_x"] == "true",
        "flip_y": row["flip_y"] == "true",
    }


def _as_described(amplifier: Amplifier, row: Row) -> dict[str, Any]:
    return {name: getattr(amplifier, name) for name in _as_measured(row)}


@pytest.mark.parametrize("name", CAMERAS)
def test_amplifiers_are_where_others_found_them(name: str) -> None:
    camera = SHIPPED[CAMERAS[name]]
    rows = list(csv.DictReader(_lines(f"{name}.csv")))
    for place in csv.DictReader(_lines(f"{name}-detectors.csv")):
        detector = camera.detector(int(place["number"]))
        assert detector.name == place["name"]
        assert detector.type is not None
        mine = ((detector.name, place["type"]), ("*", place["type"]))
        own = [row for row in rows if (row["detector"], row["detector_type"]) in mine]
        for amplifier, row in zip(detector.type.amplifiers, own, strict=True):
            assert _as_described(amplifier, row) == _as_measured(row)
            assert detector.hdu_of(amplifier) == (row["extname"] or None)
