"""Tables of a kept database, cutouts, and what is said where there is nothing."""

import contextlib
import sqlite3
from pathlib import Path

import numpy as np
import pytest

import prompt_processing
from domain.results.objects import summed_up
from entrypoints.containers.results import dia_sources
from ports.source_archive import SourceArchiveUnavailableError
from prompt_processing import ResultsError
from prompt_processing.images import DetectorImage
from tests.contract_suites.source_archive import NIGHT
from workbench.night.apdb import make_apdb, object_table, source_table


def image(array: np.ndarray) -> DetectorImage:
    return DetectorImage(
        path=Path("none.fits"),
        array=array,
        variance=None,
        mask=np.zeros(array.shape, bool),
        unit="nJy",
        wcs=None,
    )


def test_an_empty_database_has_no_sources_and_no_objects(tmp_path: Path) -> None:
    make_apdb(tmp_path)
    found = dia_sources(tmp_path / "apdb.db")
    sources = source_table(found)
    assert len(sources) == len(object_table(summed_up(found))) == 0
    assert {"object", "mjd", "flux", "band"} <= set(sources.colnames)
    assert str(sources["flux"].unit) == "nJy"


def test_what_is_no_database_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceArchiveUnavailableError, match=r"apdb\.db: unable to open"):
        dia_sources(tmp_path / "apdb.db")
    with contextlib.closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE something (x)")
    with pytest.raises(SourceArchiveUnavailableError, match=r"other\.db: no such table"):
        dia_sources(tmp_path / "other.db")
    with pytest.raises(ResultsError, match="there are no results"):
        prompt_processing.open(tmp_path)


def test_an_address_that_leads_nowhere_is_named_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"nowhere cannot be opened"):
        prompt_processing.open((tmp_path / "nowhere").as_uri())
    with pytest.raises(SourceArchiveUnavailableError, match=r"127\.0\.0\.1:1/apdb") as raised:
        dia_sources("postgresql+psycopg2://reader:secret@127.0.0.1:1/apdb")
    assert "secret" not in str(raised.value)


def test_tables_have_rows_in_the_order_given() -> None:
    assert list(source_table(NIGHT)["dia_source"]) == [1, 2, 3, 4]
    often, once = object_table(summed_up(NIGHT))
    assert (often["object"], often["sightings"], often["strongest"]) == (11, 2, 1)
    assert often["range"] == pytest.approx(0.7526, abs=1e-4)
    assert (once["object"], once["first"], once["last"]) == (12, 61000.30, 61000.30)


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
