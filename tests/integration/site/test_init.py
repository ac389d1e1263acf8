"""A site is made whole, or not at all."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from lsst.daf.butler import Butler, Timespan

from benchmarks.services.site_process import Site
from domain.runs import chain, day_of_processing
from domain.times import UtcSeconds
from tests.integration.site.here import invoke

pytestmark = pytest.mark.slow

_CAMERA = """\
instrument: Nameless
raw_keys: {scheme: mosaic}
"""


def test_a_new_site_has_all_that_its_processes_rely_on(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    said = Site(folder).call("init", "--camera", "simulated-mosaic")
    assert f"{folder} is a site for SimMosaic" in said
    with Butler.from_config(str(folder / "central")) as butler:
        found = butler.find_dataset(
            "camera", instrument="SimMosaic", collections="SimMosaic/calib", timespan=Timespan(None, None)
        )
        assert found is not None
        today = day_of_processing(UtcSeconds((folder / "site.yaml").stat().st_mtime))
        runs = butler.collections.get_info(chain("SimMosaic", today)).children
    assert {run.split("/")[3] for run in runs} == {
        "ApPipe",
        "SingleFrame",
        "Isr",
        "Preprocessing",
        "NoPipeline",
    }
    with closing(sqlite3.connect(folder / "central" / "gen3.sqlite3")) as registry:
        assert registry.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    again = invoke("init", folder, "--camera", "simulated-mosaic")
    assert again.exit_code == 1
    assert again.stderr == f"Error: {folder}: exists and is not an empty folder\n"


def test_nothing_is_left_of_a_site_that_cannot_be_made(tmp_path: Path) -> None:
    camera = tmp_path / "camera.yaml"
    camera.write_text(_CAMERA)
    (tmp_path / "empty").mkdir()
    for folder in ("new/site", "empty"):
        done = invoke("init", tmp_path / folder, "--camera", str(camera))
        assert done.exit_code == 1
        assert done.stderr.startswith(f"Error: {camera}: ")
        assert done.stderr.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["camera.yaml", "empty", "new"]
    assert not list((tmp_path / "empty").iterdir())
    assert not list((tmp_path / "new").iterdir())
