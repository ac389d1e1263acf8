"""Astropy's cache is filled from a zip, and astropy stays at home."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from astropy.config import set_temp_cache
from astropy.utils import iers
from astropy.utils.data import cache_contents, download_file, export_download_cache

from adapters.host.iers import IersCacheError, use_iers_cache


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    with iers.conf.set_temp("auto_download", value=True):
        yield


@pytest.fixture
def exported(tmp_path: Path) -> str:
    """Download a table into one cache and export that."""
    table = tmp_path / "finals2000A.all"
    table.write_text("tables of the Earth")
    with set_temp_cache(tmp_path / "other"):
        download_file(table.as_uri(), cache=True)
        export_download_cache(str(tmp_path / "cache.zip"))
    return (tmp_path / "cache.zip").as_uri()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path) -> Iterator[None]:
    (tmp_path / "other").mkdir()
    (tmp_path / "own").mkdir()
    with set_temp_cache(tmp_path / "own"):
        yield


def test_what_was_exported_elsewhere_is_there(exported: str) -> None:
    use_iers_cache(exported)
    use_iers_cache(exported)
    [(url, file)] = cache_contents().items()
    assert url.endswith("finals2000A.all")
    assert Path(file).read_text() == "tables of the Earth"
    assert not iers.conf.auto_download


def test_without_a_file_nothing_is_downloaded() -> None:
    use_iers_cache(None)
    assert not iers.conf.auto_download


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "no.zip").write_text("no zip")
    with pytest.raises(IersCacheError, match=r"no\.zip"):
        use_iers_cache((tmp_path / "no.zip").as_uri())
