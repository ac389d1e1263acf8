"""``reference-catalogue add`` against a real repository."""

from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table
from click.testing import CliRunner, Result
from lsst.daf.butler import Butler, DatasetType

from entrypoints.cli import main
from prompt_pipelines.repository import butler_config
from workbench.catalogues.stored_catalogues import stored_stars

pytestmark = pytest.mark.slow

COLUMNS = "{id: n, ra: ra, dec: dec, epoch: {value: 2016}, pm_ra: a, pm_dec: d, fluxes: {r: {flux: f}}}"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    Butler.makeRepo(str(tmp_path / "repo"), config=butler_config())
    (tmp_path / "mine.yaml").write_text(COLUMNS)
    return tmp_path / "repo"


def stars(numbers: range, flux: float = 1e5) -> Table:
    """Make stars whose places follow from their numbers."""
    place = np.random.default_rng(1).uniform(-0.3, 0.3, (2, 2000))[:, list(numbers)]
    columns = {"n": list(numbers), "ra": 150.0 + place[0], "dec": 2.0 + place[1]}
    return Table(
        columns
        | {name: np.full(len(numbers), value) for name, value in zip("adf", (5.0, 1.0, flux), strict=True)}
    )


def add(repository: Path, *files: Path, name: str = "mine") -> Result:
    columns = str(repository.parent / "mine.yaml")
    arguments = [
        "reference-catalogue",
        "add",
        *map(str, files),
        "--into",
        str(repository),
        "--columns",
        columns,
    ]
    return CliRunner().invoke(main, [*arguments, "--name", name])


def test_stars_come_into_shards_that_the_pipelines_read(repository: Path, tmp_path: Path) -> None:
    stars(range(1, 301)).write(tmp_path / "a.fits")
    result = add(repository, tmp_path / "a.fits")
    assert result.exit_code == 0, result.output
    assert "300 stars in" in result.output
    with Butler.from_config(str(repository)) as butler:
        refs = butler.query_datasets("reference_catalogue", collections="refcats")
        found = [butler.get(ref) for ref in refs]
    assert sum(map(len, found)) == 300
    assert found[0]["r_flux"].unit == "nJy"
    assert {"id", "ra", "dec", "epoch", "pm_ra", "pm_dec", "r_flux", "r_flux_err"} == set(found[0].colnames)


def test_more_of_a_catalogue_comes_beside_what_is_there(repository: Path, tmp_path: Path) -> None:
    stars(range(1, 301)).write(tmp_path / "a.fits")
    stars(range(251, 551), flux=7.0).write(tmp_path / "b.fits")
    assert add(repository, tmp_path / "a.fits").exit_code == 0
    result = add(repository, tmp_path / "b.fits")
    assert "of them beside stars that were there" in result.output
    found = stored_stars(str(repository))
    assert sorted(found["id"]) == list(range(1, 551))
    assert set(found["r_flux"][found["id"] > 250]) == {7.0}


def test_another_catalogue_comes_before(repository: Path, tmp_path: Path) -> None:
    stars(range(1, 301)).write(tmp_path / "a.fits")
    stars(range(1001, 1011)).write(tmp_path / "b.fits")
    assert add(repository, tmp_path / "a.fits").exit_code == 0
    assert add(repository, tmp_path / "b.fits", name="better").exit_code == 0
    assert set(range(1001, 1011)) <= set(stored_stars(str(repository))["id"])


def test_what_cannot_be_done_is_one_line(repository: Path, tmp_path: Path) -> None:
    stars(range(5)).write(tmp_path / "a.fits")
    result = add(tmp_path / "nowhere", tmp_path / "a.fits")
    assert (result.exit_code, result.output.count("\n")) == (1, 2)
    assert "nowhere: is no repository that can be opened" in result.output
    with Butler.from_config(str(repository), writeable=True) as butler:
        other = DatasetType("reference_catalogue", ("htm9",), "ArrowAstropy", universe=butler.dimensions)
        butler.registry.registerDatasetType(other)
    result = add(repository, tmp_path / "a.fits")
    assert "its dataset type reference_catalogue is not one of tables by htm7" in result.output
    assert result.exit_code == 1
