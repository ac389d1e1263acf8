"""Cutouts and the page of them."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from workbench.night.cutout_page import cut, write_page

HALF = 15


@given(st.integers(0, 39), st.integers(0, 59))
def test_a_cutout_is_centred_even_at_the_edge(x: int, y: int) -> None:
    image = np.zeros((60, 40))
    image[y, x] = 7.0
    stamp = cut(image, x + 0.3, y - 0.3)
    assert stamp.shape == (2 * HALF + 1, 2 * HALF + 1)
    assert stamp[HALF, HALF] == 7.0
    assert np.nansum(stamp) == 7.0
    inside = (min(y + HALF, 59) - max(y - HALF, 0) + 1) * (min(x + HALF, 39) - max(x - HALF, 0) + 1)
    assert np.isfinite(stamp).sum() == inside


def pixels(file: Path) -> np.ndarray:
    with Image.open(file) as image:
        assert image.mode == "L"
        return np.asarray(image)


@pytest.mark.parametrize(("objects", "rows"), [(1, 1), (4, 1), (5, 2)])
def test_a_page_has_four_objects_to_a_row(tmp_path: Path, objects: int, rows: int) -> None:
    stamp = np.random.default_rng(1).normal(size=(31, 31))
    stamp[25, 5] = np.nan
    empty = np.full((31, 31), np.nan)
    write_page(tmp_path / "page.png", [[stamp, empty, stamp]] * objects)
    page = pixels(tmp_path / "page.png")
    assert page.shape[0] == rows * (31 * 4 + 8)
    assert page.shape[1] == 4 * (3 * (31 * 4 + 2) + 8)
    assert page.min() == 0


def test_north_is_not_upside_down(tmp_path: Path) -> None:
    stamp = np.zeros((31, 31))
    stamp[0, 0] = 100.0  # the first pixel of an image is at the lower left
    write_page(tmp_path / "page.png", [[stamp]])
    page = pixels(tmp_path / "page.png")
    lowest_left = page[4 + 30 * 4 : 4 + 31 * 4, 5:9]
    assert (lowest_left > page[4:8, 5:9]).all()


def test_a_page_of_nothing_is_no_file(tmp_path: Path) -> None:
    write_page(tmp_path / "page.png", [])
    assert not (tmp_path / "page.png").exists()
