"""Where on the sky a pixel lies: projections from a raw's header, or from pointing and geometry.

Pixels are those of the trimmed frame, counted from 0, whole numbers at their
centres; the sky is ICRS. Both ways end in a FITS TPV projection: tangent
plane and polynomial distortion
(https://fits.gsfc.nasa.gov/registry/tpvwcs.html).
"""

import math
import re

import numpy as np
import numpy.typing as npt
from astropy.io import fits
from astropy.wcs import WCS
from attrs import frozen
from lsst.images import DetectorFrame, SkyProjection

from prompt_pipelines.camera import CameraDict, DetectorDict, FocalPlaneDict
from prompt_pipelines.errors import WcsError

__all__ = ["Pointing", "geometry_header", "make_projection", "sky_header"]

_NUMBER_CARD = re.compile(r"(CRVAL|CRPIX|CDELT)[12]|(CD|PC)[12]_[12]|PV[12]_\d+|EQUINOX|LONPOLE|LATPOLE")
_TEXT_CARD = re.compile(r"CUNIT[12]|RADESYS")
_RADIAL_TERMS = {3: {7: 1, 9: 1}, 5: {17: 1, 19: 2, 21: 1}, 7: {31: 1, 33: 3, 35: 3, 37: 1}}
"""TPV terms (and their factors) of x times an even power of the radius, by the power of the product."""


@frozen
class Pointing:
    """Where the camera looked."""

    ra: float
    """Boresight, degrees."""
    dec: float
    """Boresight, degrees."""
    sky_angle: float
    """Degrees, of focal-plane +Y, east of north."""


def make_projection(header: fits.Header, frame: DetectorFrame) -> SkyProjection[DetectorFrame]:
    """Make the projection that a header of pure WCS cards describes.

    Parameters
    ----------
    header
        As `sky_header` or `geometry_header` make it, for the trimmed frame.
    frame
        The trimmed frame.

    Raises
    ------
    WcsError
        Raised if the cards make no usable projection.
    """
    try:
        return SkyProjection.from_fits_wcs(WCS(header), pixel_frame=frame, pixel_bounds=frame.bbox)
    # wcslib and AST have their own errors, which share nothing but the root.
    except Exception as error:
        raise WcsError(f"the WCS cards make no projection: {error}") from error


def sky_header(raw: fits.Header, detector: DetectorDict, projection: str | None) -> fits.Header:
    """Extract a raw's WCS for the trimmed frame.

    Parameters
    ----------
    raw
        The raw's header; its numbers may be text.
    detector
        Its amplifiers tell how far trimming moves the pixels.
    projection
        Replaces the projection in CTYPE, such as ``TPV``; None keeps it.

    Raises
    ------
    WcsError
        Raised if cards are missing or no numbers, or if the amplifiers move
        by different amounts, which no WCS of the raw frame can follow.
    """
    header = fits.Header()
    for card in raw:
        if _NUMBER_CARD.fullmatch(card):
            header[card] = _number(card, _read(raw, card))
        elif _TEXT_CARD.fullmatch(card):
            header[card] = _read(raw, card)
    missing = [
        card for card in ("CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2", "CTYPE1", "CTYPE2") if card not in raw
    ]
    if missing:
        raise WcsError(f"the header has no sky WCS: {', '.join(missing)} missing")
    for axis in ("CTYPE1", "CTYPE2"):
        ctype = str(_read(raw, axis))
        header[axis] = f"{ctype[:4]}-{projection}" if projection else ctype
    header["CRPIX1"] -= _trim_shift(detector, 0)
    header["CRPIX2"] -= _trim_shift(detector, 2)
    return header


def geometry_header(camera: CameraDict, detector: DetectorDict, pointing: Pointing) -> fits.Header:
    """Build a detector's WCS from the pointing and the camera's geometry.

    The reference pixel is the boresight, wherever that is on (or off) the
    detector, so the camera's radial distortion is exact and not an
    approximation on each detector.

    Raises
    ------
    WcsError
        Raised if the camera has no focal plane, or a distortion with even
        powers of the radius or more than the seventh, which TPV cannot hold.
    """
    plane = camera["focal_plane"]
    if plane is None:
        raise WcsError(f"the camera {camera['instrument']} has no focal plane geometry")
    if None in (detector["x_mm"], detector["y_mm"], detector["yaw_deg"]):
        raise WcsError(f"the camera does not tell where {detector['name']} sits on the focal plane")
    scale = plane["plate_scale_arcsec_per_mm"] / 3600.0
    to_millimetres = detector["pixel_size_um"] / 1000.0 * _rotation(math.radians(detector["yaw_deg"]))
    centre = np.array([(detector["nx"] - 1) / 2.0, (detector["ny"] - 1) / 2.0])
    boresight = centre - np.linalg.solve(to_millimetres, [detector["x_mm"], detector["y_mm"]])
    distortion = plane["radial_distortion"]
    linear = distortion[1] if len(distortion) > 1 else 1.0
    matrix = scale * linear * _sky_axes(pointing.sky_angle, plane["x_is_east"]) @ to_millimetres
    header = fits.Header()
    for axis, (name, value) in enumerate((("RA---TPV", pointing.ra), ("DEC--TPV", pointing.dec))):
        header[f"CTYPE{axis + 1}"] = name
        header[f"CUNIT{axis + 1}"] = "deg"
        header[f"CRVAL{axis + 1}"] = value
        header[f"CRPIX{axis + 1}"] = float(boresight[axis]) + 1.0
        for column in (0, 1):
            header[f"CD{axis + 1}_{column + 1}"] = float(matrix[axis, column])
        header.update(_radial_cards(axis + 1, plane, scale))
    header["RADESYS"] = "ICRS"
    return header


def _radial_cards(axis: int, plane: FocalPlaneDict, scale: float) -> dict[str, float]:
    coefficients = plane["radial_distortion"]
    linear = coefficients[1] if len(coefficients) > 1 else 1.0
    cards = {f"PV{axis}_1": 1.0}
    for power, coefficient in enumerate(coefficients):
        if power == 1 or coefficient == 0.0:
            continue
        if power not in _RADIAL_TERMS:
            raise WcsError(f"a radial distortion of power {power} cannot be written as a TPV projection")
        # The polynomial sees degrees that the CD matrix made, not millimetres.
        value = coefficient * scale / (scale * linear) ** power
        cards |= {f"PV{axis}_{term}": factor * value for term, factor in _RADIAL_TERMS[power].items()}
    return cards


def _rotation(angle: float) -> npt.NDArray[np.float64]:
    cosine, sine = math.cos(angle), math.sin(angle)
    return np.array([[cosine, -sine], [sine, cosine]])


def _sky_axes(sky_angle: float, x_is_east: bool) -> npt.NDArray[np.float64]:
    """Rows: east and north; columns: focal-plane X and Y, Y at `sky_angle` east of north."""
    angle = math.radians(sky_angle)
    parity = 1.0 if x_is_east else -1.0
    return np.array(
        [[parity * math.cos(angle), math.sin(angle)], [-parity * math.sin(angle), math.cos(angle)]]
    )


def _trim_shift(detector: DetectorDict, side: int) -> int:
    # Where amplifiers have HDUs of their own, the header is the first one's.
    first = detector["amplifiers"][0]
    alike = [one for one in detector["amplifiers"] if one.get("hdu") == first.get("hdu")]
    if any(one.get("flip_x") or one.get("flip_y") for one in alike):
        raise WcsError(
            f"{detector['name']}: an amplifier is turned, so the WCS of the raw frame does not hold for it"
        )
    shifts = {amplifier["data"][side] - amplifier["image"][side] for amplifier in alike}
    if len(shifts) != 1:
        raise WcsError(
            f"{detector['name']}: its amplifiers are trimmed by different amounts, "
            "so the WCS of the raw frame does not hold for all of it"
        )
    return shifts.pop()


def _read(raw: fits.Header, card: str) -> object:
    try:
        return raw[card]
    except fits.VerifyError as error:
        raise WcsError(f"the card {card} cannot be read: {error}") from None


def _number(card: str, value: object) -> float:
    try:
        number = float(str(value))
    except ValueError:
        raise WcsError(f"the card {card} is no number: {value!r}") from None
    if not math.isfinite(number):
        raise WcsError(f"the card {card} is not finite")
    return number
