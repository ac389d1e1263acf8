"""Stars of catalogues in all formats, as those of a reference catalogue."""

import gzip
import math
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import Table
from astropy.time import Time

from adapters.files.catalogue_columns import load_columns, shipped_columns
from domain.sky.catalogue_columns import CatalogueColumns, CatalogueError
from prompt_pipelines.proper_motions import moved_to
from workbench.catalogues.stored_catalogues import read_catalogue

MINE = """
id: number
ra: RA
dec: DEC
epoch: {value: 2015.5}
pm_ra: PMRA
pm_dec: PMDEC
missing: [-999]
fluxes:
  g: {magnitude: GMAG, error: GERR}
  r: {flux: RFLUX, unit: uJy}
"""
ROWS: dict[str, list[Any]] = {
    "number": [5_853_498_713_190_525_696, 2, 3, 4],
    "RA": [10.0, 359.5, math.nan, 20.0],
    "DEC": [-5.0, 89.0, 1.0, 2.0],
    "PMRA": [100.0, math.nan, 1.0, 1.0],
    "PMDEC": [-50.0, math.nan, 1.0, 1.0],
    "GMAG": [20.0, -999.0, 20.0, math.nan],
    "GERR": [0.01, -999.0, 0.01, math.nan],
    "RFLUX": [40.0, 50.0, 40.0, -1.0],
    "name": ["a", "b", "c", "d"],
}


@pytest.fixture
def mine(tmp_path: Path) -> CatalogueColumns:
    return columns(tmp_path, MINE)


def columns(folder: Path, text: str) -> CatalogueColumns:
    file = folder / "mine.yaml"
    file.write_text(text)
    return load_columns(str(file))


def read(path: Path, rules: CatalogueColumns) -> Table:
    return read_catalogue([path], rules, lambda *_: None)[0]


def csv_of(rows: dict[str, list[Any]]) -> str:
    lines = [",".join(rows), *(",".join(map(str, row)) for row in zip(*rows.values(), strict=True))]
    return "\n".join(lines).replace("nan", "") + "\n"


def write(path: Path, rows: dict[str, list[Any]] = ROWS) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    table = Table(rows)
    if path.name.endswith(".csv.gz"):
        path.write_bytes(gzip.compress(csv_of(rows).encode()))
    elif path.suffix == ".csv":
        path.write_text(csv_of(rows))
    elif path.suffix == ".parquet":
        pyarrow.parquet.write_table(pa.table(rows), path)
    else:
        table.write(path, format="ascii.ecsv" if path.suffix == ".ecsv" else "fits")
    return path


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.ecsv", "a.fits", "a.parquet"])
def test_the_same_stars_come_out_of_every_format(name: str, tmp_path: Path, mine: CatalogueColumns) -> None:
    stars, left_out = read_catalogue([write(tmp_path / name)], mine, lambda *_: None)
    assert list(stars["id"]) == ROWS["number"][:2]
    assert (left_out.without_position, left_out.without_flux) == (1, 1)
    assert stars["ra"].tolist() == [10.0, 359.5]
    assert stars["g_flux"][0] == pytest.approx(36307.8, rel=1e-5)
    assert stars["g_flux_err"][0] == pytest.approx(36307.8 * 0.00921, rel=1e-3)
    assert math.isnan(stars["g_flux"][1])
    assert stars["r_flux"].tolist() == pytest.approx([4e4, 5e4])
    assert stars["epoch"].tolist() == [2015.5, 2015.5]
    assert stars["pm_ra"][0] == 100.0


def test_units_of_a_file_count_and_those_of_the_columns_file_more(tmp_path: Path) -> None:
    table = Table({"RA": [0.1] * u.rad, "DEC": [30.0] * u.arcmin, "F": [1.0] * u.mJy})
    table.write(tmp_path / "a.fits")
    text = "{ra: RA, dec: {column: DEC, unit: deg}, fluxes: {r: {flux: F}}}"
    stars = read(tmp_path / "a.fits", columns(tmp_path, text))
    assert stars["ra"][0] == pytest.approx(math.degrees(0.1))
    assert stars["dec"][0] == 30.0
    assert stars["r_flux"][0] == pytest.approx(1e6)
    assert stars["id"][0] > 2**40


def test_gaias_own_files_are_ecsv_by_their_first_bytes(tmp_path: Path, mine: CatalogueColumns) -> None:
    header = "# %ECSV 1.0\n# ---\n# delimiter: ','\n# datatype:\n"
    kinds = {"number": "int64", "name": "string"}
    header += "".join(f"# - {{name: {name}, datatype: {kinds.get(name, 'float64')}}}\n" for name in ROWS)
    path = tmp_path / "GaiaSource_1.csv.gz"
    path.write_bytes(gzip.compress((header + csv_of(ROWS).replace(",,", ",null,")).encode()))
    assert list(read(path, mine)["id"]) == ROWS["number"][:2]


def test_a_hats_collection_is_read_without_margins_and_samples(
    tmp_path: Path, mine: CatalogueColumns
) -> None:
    root = tmp_path / "hats"
    write(root / "stars/dataset/Norder=1/Dir=0/Npix=7.parquet")
    write(root / "stars/dataset/Norder=1/Dir=0/Npix=8.parquet", {**ROWS, "number": [11, 12, 13, 14]})
    write(root / "stars/dataset/data_thumbnail.parquet", {**ROWS, "number": [21, 22, 23, 24]})
    write(root / "stars/partition_info.csv")
    write(root / "stars_margin/dataset/Norder=1/Dir=0/Npix=7.parquet", {**ROWS, "number": [31, 32, 33, 34]})
    (root / "stars/dataset/_metadata").write_bytes(b"PAR1")
    (root / "collection.properties").write_text("obs_collection = s\nhats_primary_table_url = stars\n")
    assert sorted(read(root, mine)["id"]) == [2, 11, 12, ROWS["number"][0]]


def test_a_star_that_comes_twice_is_kept_once(tmp_path: Path, mine: CatalogueColumns) -> None:
    write(tmp_path / "two/a.csv")
    write(tmp_path / "two/b.csv")
    assert len(read(tmp_path / "two", mine)) == 2


@pytest.mark.parametrize(
    ("name", "rows", "said"),
    [
        ("a.csv", {**ROWS, "RA": [400.0, 1, 2, 3]}, "column RA: 400 degrees are more than 360"),
        ("a.csv", {**ROWS, "DEC": ["x", "y", "z", "w"]}, "column DEC holds no numbers"),
        ("a.csv", {**ROWS, "number": ["1.5", "2", "3", "4"]}, "column number holds no whole numbers"),
        ("a.csv", {**ROWS, "number": ["", "2", "3", "4"]}, "column number: a star has no id"),
        ("a.parquet", {k: v for k, v in ROWS.items() if k != "GMAG"}, "has no column GMAG; it has number"),
        ("a.fits", {k: v for k, v in ROWS.items() if k != "GMAG"}, "has no column GMAG; it has number"),
        ("a.csv", {**ROWS, "RFLUX": [math.nan] * 4, "GMAG": [math.nan] * 4}, "no star with a position and"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_column(
    name: str, rows: dict[str, list[Any]], said: str, tmp_path: Path, mine: CatalogueColumns
) -> None:
    path = write(tmp_path / name, rows)
    with pytest.raises(CatalogueError, match=f"{path}: .*{said}"):
        read(path, mine)


@pytest.mark.parametrize("name", ["a.fits", "a.parquet", "a.csv.gz"])
def test_a_damaged_file_is_named(name: str, tmp_path: Path, mine: CatalogueColumns) -> None:
    path = write(tmp_path / name)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(CatalogueError, match=f"{path}: "):
        read(path, mine)


def test_a_file_of_another_kind_and_a_folder_without_any_are_named(
    tmp_path: Path, mine: CatalogueColumns
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.txt").write_text("a")
    for name, said in (("empty", "holds no CSV"), ("a.txt", "is none of CSV"), ("none", "does not exist")):
        with pytest.raises(CatalogueError, match=said):
            read(tmp_path / name, mine)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (MINE.replace("dec: DEC\n", ""), "dec: is missing"),
        (MINE.replace("pm_ra: PMRA\n", ""), "has one of pm_ra and pm_dec only"),
        (MINE.replace("epoch: {value: 2015.5}\n", ""), "proper motions need an epoch"),
        (MINE.replace("value: 2015.5", "column: E, format: year"), "epoch: format 'year' is neither"),
        (
            MINE.replace("flux: RFLUX, unit: uJy", "flux: A, magnitude: B"),
            "names either a flux or a magnitude",
        ),
        (MINE.replace("unit: uJy", "terms: [1.0]"), "terms and colour are those of a magnitude"),
        (MINE.replace("missing", "absent"), "unknown keys absent"),
    ],
)
def test_a_columns_file_that_does_not_fit_is_refused(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=f"mine.yaml: .*{said}"):
        columns(tmp_path, text)


def test_columns_that_are_not_shipped_are_answered_with_those_that_are() -> None:
    assert shipped_columns() == ("gaia", "ps1", "rubin")
    with pytest.raises(CatalogueError, match=r"no columns 'gaja' are shipped.* gaia, ps1, rubin"):
        load_columns("gaja")


def test_the_sun_has_in_gaias_colours_its_own_in_sdss(tmp_path: Path) -> None:
    sun: dict[str, list[Any]] = {
        "source_id": [1, 2], "ra": [1.0, 2.0], "dec": [1.0, 1.0], "ref_epoch": [2016.0] * 2,
        "pmra": [0.0] * 2, "pmdec": [0.0] * 2, "phot_g_mean_mag": [4.67, 10.0],
        "phot_bp_mean_mag": [5.0, 14.0], "phot_rp_mean_mag": [4.18, 10.0],
    }  # fmt: skip
    stars = read(write(tmp_path / "gaia.csv", sun), load_columns("gaia"))
    # Willmer (2018): absolute AB magnitudes of the Sun in SDSS bands.
    for band, magnitude in (("g", 5.11), ("r", 4.65), ("i", 4.53)):
        assert stars[f"{band}_flux"].quantity[0].to_value(u.ABmag) == pytest.approx(magnitude, abs=0.06)
    # Redder than the relations go.
    assert len(stars) == 1


def test_proper_motions_are_those_of_astropy_and_stars_without_stay() -> None:
    ra, dec = np.array([10.0, 359.9999, 200.0, 40.0]), np.array([-5.0, 60.0, 89.999, 10.0])
    motion = np.array([3000.0, 5000.0, 2000.0, math.nan])
    catalogue = Table({"ra": ra, "dec": dec, "pm_ra": motion, "pm_dec": -motion / 2, "epoch": [2016.0] * 4})
    moved = moved_to(catalogue, 61000.0)
    then = Time(61000.0, format="mjd", scale="tai")
    here = SkyCoord(
        ra[:3] * u.deg, dec[:3] * u.deg, pm_ra_cosdec=motion[:3] * u.mas / u.yr,
        pm_dec=-motion[:3] / 2 * u.mas / u.yr, obstime=Time(2016.0, format="jyear", scale="tdb"),
        distance=10.0 * u.pc, radial_velocity=0.0 * u.km / u.s,
    )  # fmt: skip
    there = here.apply_space_motion(new_obstime=then)
    assert np.max(there.separation(SkyCoord(moved["ra"][:3], moved["dec"][:3], unit="deg")).mas) < 1.0
    assert (moved["ra"][3], moved["dec"][3]) == (40.0, 10.0)
    assert list(moved_to(catalogue["ra", "dec"], 61000.0)["ra"]) == list(ra)
