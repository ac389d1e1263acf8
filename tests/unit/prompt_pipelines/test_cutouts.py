"""Cutouts of alerts, as astropy would write them."""

import io

import numpy as np
import pytest
from astropy.io import fits

from prompt_pipelines.alerts import CUTOUT_SIZE, cutout

IMAGE = np.arange(60 * 70, dtype=np.float32).reshape(60, 70)


@pytest.mark.parametrize(("x", "y"), [(30.4, 29.6), (0, 59), (68, 0), (-40, 3), (123456, 20)])
def test_the_bytes_are_astropys(x: float, y: float) -> None:
    left, low = round(x) - CUTOUT_SIZE // 2, round(y) - CUTOUT_SIZE // 2
    rows, columns = np.mgrid[low : low + CUTOUT_SIZE, left : left + CUTOUT_SIZE]
    inside = (rows >= 0) & (rows < 60) & (columns >= 0) & (columns < 70)
    seen = IMAGE[rows.clip(0, 59), columns.clip(0, 69)]
    pixels = np.where(inside, seen, np.nan).astype(np.float32)
    hdu = fits.PrimaryHDU(pixels)
    hdu.header["BUNIT"] = "nJy"
    hdu.header["XCORNER"], hdu.header["YCORNER"] = left, low
    written = io.BytesIO()
    hdu.writeto(written)
    assert cutout(IMAGE, x, y) == written.getvalue()
