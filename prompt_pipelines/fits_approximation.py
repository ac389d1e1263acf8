"""Projections told in FITS cards, for programs that read nothing else.

Those that a calibration has turned or distorted are too involved to be told exactly, and what AST
writes of TPV no other program reads. So they are approximated by SIP, which all read
(https://fits.gsfc.nasa.gov/registry/sip.html).
"""

from typing import Any

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from lsst.images import SkyProjection

from prompt_pipelines.arrays import Floats
from prompt_pipelines.positions import sky_positions
from prompt_pipelines.tangent_plane import TangentPlane
from prompt_pipelines.wcs import make_projection

__all__ = ["polynomial_terms", "tpv_cards", "with_fits_approximation"]

_FIRST_CARDS = (0, 1, 4, 7, 12, 17)
"""Of a TPV projection, by the order of their terms; those between are of odd powers of the radius."""
_POWERS = tuple((order - y, y) for order in range(len(_FIRST_CARDS)) for y in range(order + 1))
_CARDS = tuple(first + y for order, first in enumerate(_FIRST_CARDS) for y in range(order + 1))
_EXACT = 1e-3  # pixels
_GRID = 12  # points on a side, by which a projection is approximated


def polynomial_terms(places: Floats, count: int) -> Floats:
    """Make the first so many terms of a polynomial, 1, x, y, x², xy and so on, of rows of x and y."""
    x, y = places.T
    return np.column_stack([x**one * y**other for one, other in _POWERS[:count]])


def tpv_cards(axis: int, values: Floats) -> dict[str, float]:
    """Write the polynomial of one axis (1 or 2), in the order of `polynomial_terms`, as cards of TPV.

    The second axis comes first in its own.
    """
    cards = dict(zip(_POWERS, _CARDS, strict=True))
    return {
        f"PV{axis}_{cards[powers if axis == 1 else powers[::-1]]}": float(value)
        for powers, value in zip(_POWERS, values, strict=False)
    }


def with_fits_approximation(projection: SkyProjection[Any]) -> SkyProjection[Any]:
    """Add cards of the fifth order to a projection of which they cannot tell exactly; files have them."""
    frame = projection.pixel_frame
    ends = ((axis.min, axis.max) for axis in (frame.bbox.x, frame.bbox.y))
    grid = np.meshgrid(*(np.linspace(*end, _GRID) for end in ends))
    pixels = np.column_stack([axis.ravel() for axis in grid])
    if _is_told(projection, pixels):
        return projection
    middle = pixels.mean(axis=0)
    ra, dec = sky_positions(projection, *middle[:, None])
    plane = TangentPlane(float(ra[0]), float(dec[0]))
    degrees = plane.from_sky(*sky_positions(projection, *pixels.T)) / 3600.0
    size = float(np.max(np.abs(pixels - middle)))
    terms = polynomial_terms((pixels - middle) / size, len(_POWERS))
    # The middle is where it is by definition.
    solution = np.linalg.lstsq(terms[:, 1:], degrees, rcond=None)[0]
    solution /= size ** np.sum(_POWERS[1:], axis=1)[:, None]
    told = make_projection(_sip_header(plane, middle, solution), frame)
    return SkyProjection(projection.pixel_to_sky_transform, told.pixel_to_sky_transform)


def _is_told(projection: SkyProjection[Any], pixels: Floats) -> bool:
    """Tell whether the projection's own cards, as astropy reads them, say the same."""
    box = projection.pixel_frame.bbox
    wcs = projection.as_fits_wcs(box, allow_approximation=True)
    if wcs is None:
        return False
    ra, dec = wcs.all_pix2world(pixels - (box.x.min, box.y.min), 0).T
    place = projection.sky_to_pixel(SkyCoord(ra, dec, unit="deg"))
    return bool(np.max(np.hypot(*(np.column_stack([place.x, place.y]) - pixels).T)) < _EXACT)


def _sip_header(plane: TangentPlane, middle: Floats, solution: Floats) -> fits.Header:
    """Write a polynomial from pixels to degrees of a plane, a row for each term but the constant."""
    matrix = solution[:2].T
    bent = np.linalg.solve(matrix, solution[2:].T)
    header = fits.Header()
    for number, (name, value) in enumerate((("RA---TAN-SIP", plane.ra), ("DEC--TAN-SIP", plane.dec))):
        axis, letter = number + 1, "AB"[number]
        header[f"CTYPE{axis}"], header[f"CUNIT{axis}"] = name, "deg"
        header[f"CRVAL{axis}"], header[f"CRPIX{axis}"] = value, middle[number] + 1.0
        for column in (1, 2):
            header[f"CD{axis}_{column}"] = matrix[number, column - 1]
        header[f"{letter}_ORDER"] = len(_FIRST_CARDS) - 1
        for (x, y), term in zip(_POWERS[3:], bent[number], strict=True):
            header[f"{letter}_{x}_{y}"] = term
    header["RADESYS"] = "ICRS"
    return header
