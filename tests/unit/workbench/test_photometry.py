"""Photometry of a place, as a table and as it is printed."""

import math

import pytest
from attrs import evolve

from prompt_processing.photometry import _magnitude
from workbench.night.photometry import Measurement, photometry_table

_SEEN = Measurement(
    visit=1, detector=0, band="r", mjd=61000.2, x=3.0, y=4.0, flux=100.0, flux_err=20.0, limit=26.4,
    science_flux=3631.0, science_flux_err=30.0, magnitude=22.5, science_limit=25.96,
)  # fmt: skip


def test_a_table_has_a_row_for_each_image_and_its_columns_without_any() -> None:
    table = photometry_table([_SEEN, evolve(_SEEN, visit=2, flux=math.nan)])
    assert list(table["visit"]) == [1, 2]
    assert str(table["flux"].unit) == "nJy"
    assert photometry_table([]).colnames == table.colnames


@pytest.mark.parametrize(("flux", "said"), [(3631.0, "22.50"), (100.0, "> 25.96"), (-400.0, "> 25.96")])
def test_what_is_not_seen_has_an_upper_limit(flux: float, said: str) -> None:
    (row,) = photometry_table([evolve(_SEEN, science_flux=flux)])
    assert _magnitude(row) == said
