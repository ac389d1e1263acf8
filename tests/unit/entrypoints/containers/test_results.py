"""Where a night's images and sources are found."""

from pathlib import Path

import pytest

from domain.results.sources import SourceQuery
from entrypoints.containers.results import opened_archives, places_in
from ports.image_archive import ImageArchiveUnavailableError
from workbench.night.apdb import make_apdb


@pytest.mark.parametrize(
    ("place", "marks"),
    [("night", ["butler.yaml"]), ("apdb", ["site.yaml", "central/butler.yaml"])],
)
async def test_sources_of_results_and_of_sites_are_found(
    tmp_path: Path, place: str, marks: list[str]
) -> None:
    for folder in (place, "central"):
        (tmp_path / folder).mkdir()
    assert places_in(tmp_path) == ("", "")
    for mark in marks:
        (tmp_path / mark).touch()
    make_apdb(tmp_path / place)
    repository, apdb = places_in(tmp_path)
    async with opened_archives(repository=repository, apdb=apdb, instrument="SimCam") as archives:
        assert archives.sources is not None
        assert archives.images is not None
        assert await archives.sources.count(SourceQuery()) == 0
        with pytest.raises(ImageArchiveUnavailableError):  # nothing is in that repository
            await archives.images.images("group")


async def test_what_is_not_kept_is_none() -> None:
    async with opened_archives(repository="", apdb="", instrument="SimCam") as archives:
        assert archives.images is None
        assert archives.sources is None
