"""Headers that real cameras wrote, under the shipped cameras' rules."""

import csv
import datetime
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.headers.header import InvalidHeaderError, read_exposure
from domain.raws.exposure import Exposure
from tests.shared_data import shared_data
from tests.strategies.cameras import SHIPPED

FOLDERS = {
    "decam": "DECam",
    "hsc": "HSC",
    "latiss": "LATISS",
    "lsst-ts8": "LSST-TS8",
    "lsstcam": "LSSTCam",
    "lsstcam-imsim": "LSSTCam-imSim",
    "lsstcomcam": "LSSTComCam",
    "lsstcomcamsim": "LSSTComCamSim",
}
SHORT: dict[str, set[str] | None] = {
    # Its OBSID and DAYOBS contradict each other: it was made by hand, and is refused.
    "lsstCam-faked-future-ccs.json": None,
    # The end that the list has is 37 s after what the card says, which is of an unknown scale.
    "ts8-TS_C_20230512_000021_R22_S02.json": {"end"},
}
type Row = dict[str, str]
EPOCH = datetime.datetime(1970, 1, 1)  # noqa: DTZ001 - of whatever scale


def _cards(path: Path) -> dict[str, object]:
    """Give the cards of the primary HDU and of the image, as the reader of raws gives them."""
    cards: dict[str, object] = {}
    for hdu in json.loads(path.read_text())["hdus"][:2]:
        for keyword, value, *_ in hdu:
            blank = value is None or (isinstance(value, str) and not value.strip())
            if keyword not in {"", "COMMENT", "HISTORY"} and not blank:
                cards[keyword.removeprefix("HIERARCH ")] = value
    return cards


def _found(exposure: Exposure, name: str) -> dict[str, Any]:
    return {
        "detector_name": name,
        "exposure_id": exposure.exposure,
        "observation_id": exposure.obs_id,
        "group": exposure.group,
        "day_obs": exposure.day_obs,
        "seqnum": exposure.seqnum,
        "physical_filter": exposure.physical_filter,
        "exposure_time_s": exposure.exposure_time,
        "dark_time_s": exposure.dark_time,
        "datetime_begin_tai_iso": exposure.begin,
        "datetime_end_tai_iso": exposure.end,
        "observation_type": exposure.observation_type,
        "ra_deg": exposure.ra,
        "dec_deg": exposure.dec,
        "sky_angle_deg": exposure.sky_angle,
    }


def _differences(row: Row, found: dict[str, Any]) -> Iterator[str]:
    for column, value in found.items():
        # Blank is where the list has no answer.
        if not (expected := row[column]):
            continue
        if column.endswith("_iso"):
            seconds = (datetime.datetime.fromisoformat(expected) - EPOCH).total_seconds()
            same = math.isclose(value, seconds, abs_tol=2e-3, rel_tol=0)
        elif isinstance(value, float):
            same = math.isclose(value, float(expected), abs_tol=1e-6, rel_tol=0)
        else:
            same = str(value) == expected
        if not same:
            yield column


@pytest.mark.parametrize("folder", FOLDERS)
def test_real_headers_are_read_right(folder: str) -> None:
    camera = SHIPPED[FOLDERS[folder]]
    headers = shared_data("headers") / folder
    short: dict[str, set[str] | None] = {}
    for row in csv.DictReader((headers / "truth.csv").read_text().splitlines()):
        refused = row["note"].startswith(("refuse:", "processed:"))
        try:
            exposure = read_exposure(camera, _cards(headers / row["file"]), file=row["file"])
        except InvalidHeaderError:
            if not refused:
                short[row["file"]] = None
            continue
        assert not refused, row["file"]
        name = camera.detector(exposure.detector).name
        if differing := set(_differences(row, _found(exposure, name))):
            short[row["file"]] = {column.split("_")[1] for column in differing}
    assert short == {file: what for file, what in SHORT.items() if (headers / file).exists()}
