"""Tables of a kept database, cutouts, and what is said where there is nothing."""

import contextlib
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table

import prompt_processing
from prompt_processing import ResultsError
from prompt_processing.apdb import dia_objects, dia_sources
from prompt_processing.images import NightImage
from workbench.night.apdb import make_apdb


def image(array: np.ndarray) -> NightImage:
    return NightImage(
        path=Path("none.fits"),
        array=array,
        variance=None,
        mask=np.zeros(array.shape, bool),
        unit="nJy",
        wcs=None,
    )


def test_an_empty_database_has_no_sources_and_no_objects(tmp_path: Path) -> None:
    make_apdb(tmp_path)
    sources = dia_sources(tmp_path / "apdb.db")
    assert len(sources) == len(dia_objects(sources)) == 0
    assert {"object", "mjd", "flux", "band"} <= set(sources.colnames)


def test_what_is_no_database_is_named(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"apdb\.db: .* not kept"):
        dia_sources(tmp_path / "apdb.db")
    with contextlib.closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE something (x)")
    with pytest.raises(ResultsError, match=r"other\.db: no such table"):
        dia_sources(tmp_path / "other.db")
    with pytest.raises(ResultsError, match="there are no results"):
        prompt_processing.open(tmp_path)


def test_objects_sum_up_their_sources_the_most_often_seen_first() -> None:
    sources = Table(
        {
            "dia_source": [1, 2, 3], "object": [7, 9, 9], "mjd": [1.0, 2.0, 3.0], "ra": [10.0, 20.0, 20.2],
            "dec": [1.0, 2.0, 2.2], "flux": [5.0, -3.0, 8.0], "snr": [6.0, 4.0, 9.0],
            "science_flux": [np.nan, 100.0, 251.18864],
        }
    )  # fmt: skip
    often, once = dia_objects(sources)
    assert (often["object"], often["sightings"], often["strongest"]) == (9, 2, 3)
    assert (often["ra"], often["faintest"], often["brightest"]) == pytest.approx((20.1, -3.0, 8.0))
    assert often["range"] == pytest.approx(1.0)
    assert np.isnan(once["range"])
    assert (once["object"], once["first"], once["last"]) == (7, 1.0, 1.0)


@pytest.mark.parametrize("place", [(50.0, 40.0), (0.0, 0.0), (99.0, 3.0), (-500.0, 500.0)])
def test_a_cutout_beyond_the_image_is_nan(place: tuple[float, float]) -> None:
    whole = np.arange(80.0 * 100).reshape(80, 100)
    found = image(whole).cutout(*place, size=11)
    assert found.shape == (11, 11)
    x, y = round(place[0]), round(place[1])
    for (row, column), value in np.ndenumerate(found):
        inside = 0 <= y + row - 5 < 80 and 0 <= x + column - 5 < 100
        assert np.isnan(value) != inside
        if inside:
            assert value == whole[y + row - 5, x + column - 5]
