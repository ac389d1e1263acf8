"""Astrometric and photometric calibration of a visit against a reference catalogue."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.coordinates import SkyCoord
from astropy.io import fits
from attrs import frozen
from lsst.images import DetectorFrame, SkyProjection, Transform
from scipy.spatial import KDTree

from prompt_pipelines.arrays import Floats
from prompt_pipelines.pattern_search import Placement
from prompt_pipelines.sky_matching import Matches, match_one_to_one, offset_on_sky, on_plane
from prompt_pipelines.tangent_plane import TangentPlane
from prompt_pipelines.wcs import make_projection

__all__ = [
    "Astrometry",
    "Photometry",
    "calibrated_projection",
    "correct_projection",
    "find_shift",
    "fit_astrometry",
    "fit_photometry",
    "match_stars",
    "move_projection",
]

_CLIP = 3.0  # robust standard deviations
_ROUNDS = 3
_MIN_LINEAR = 10  # stars; with fewer only a shift is fitted
_SHIFT_BIN = 1.0  # arcsec


@frozen(eq=False)
class Astrometry:
    """How true the projection was, and how to mend it."""

    matrix: npt.NDArray[np.float64]
    """3 x 3: from measured pixel to the pixel that the projection gives the reference star's place."""
    stars: int
    shift: float
    """Arcseconds, median over the stars, before the correction."""
    scatter: float
    """Arcseconds, root mean square on the sky after the correction."""


@frozen(eq=False)
class Photometry:
    """How much light an electron stands for."""

    nanojansky_per_electron: float
    stars: int
    scatter: float
    """Relative, robust standard deviation of one star."""


def find_shift(
    sources: tuple[Floats, Floats], reference: tuple[Floats, Floats], largest: float
) -> tuple[float, float]:
    """Find the offset that most pairs of stars share, by a histogram of all pairs.

    Parameters
    ----------
    sources, reference
        Right ascensions and declinations, degrees.
    largest
        Offset that is thought of, arcseconds.

    Returns
    -------
    offset
        Arcseconds east and north to add to the sources; (0, 0) without pairs.
    """
    if not len(sources[0]) or not len(reference[0]):
        return 0.0, 0.0
    here, there = on_plane(sources, reference)
    near = KDTree(there).query_ball_point(here, largest)
    offsets = [there[j] - here[i] for i, js in enumerate(near) for j in js]
    if not offsets:
        return 0.0, 0.0
    # The densest place: the offset with the most others within a bin of it.
    all_offsets = np.array(offsets)
    counts = KDTree(all_offsets).query_ball_point(all_offsets, _SHIFT_BIN, return_length=True)
    best = all_offsets[int(np.argmax(counts))]
    members = all_offsets[np.hypot(*(all_offsets - best).T) <= _SHIFT_BIN]
    east, north = np.median(members, axis=0)
    return float(east), float(north)


def fit_astrometry(
    projection: SkyProjection[Any],
    pixels: tuple[Floats, Floats],
    reference: tuple[Floats, Floats],
) -> Astrometry:
    """Fit a linear correction in pixels to stars that are matched already.

    Parameters
    ----------
    projection
        As the header or the pointing gave it.
    pixels
        Measured x and y.
    reference
        Right ascensions and declinations of the same stars, degrees.
    """
    sky = SkyCoord(reference[0], reference[1], unit="deg")
    there = projection.sky_to_pixel(sky)
    measured = np.column_stack(pixels)
    wanted = np.column_stack([there.x, there.y])
    kept = np.ones(len(measured), dtype=bool)
    matrix = np.eye(3)
    for _ in range(_ROUNDS):
        matrix = _fit_matrix(measured[kept], wanted[kept])
        residual = np.hypot(*(measured @ matrix[:2, :2].T + matrix[:2, 2] - wanted).T)
        limit = _CLIP * 1.4826 * np.median(residual[kept])
        kept = residual <= max(limit, 1e-6)
    before = projection.pixel_to_sky(x=pixels[0], y=pixels[1])
    east, north = offset_on_sky(before.ra.deg, before.dec.deg, *reference)
    corrected = measured[kept] @ matrix[:2, :2].T + matrix[:2, 2]
    after = projection.pixel_to_sky(x=corrected[:, 0], y=corrected[:, 1])
    rms = float(np.sqrt(np.mean(after.separation(sky[kept]).arcsec ** 2)))
    return Astrometry(matrix, int(kept.sum()), float(np.hypot(np.median(east), np.median(north))), rms)


def fit_photometry(flux: Floats, reference: Floats) -> Photometry:
    """Fit the scale of fluxes (electrons) to reference fluxes (nJy) of the same stars."""
    ratio = reference / flux
    kept = np.ones(len(ratio), dtype=bool)
    spread = 0.0
    for _ in range(_ROUNDS):
        middle = np.median(ratio[kept])
        spread = 1.4826 * float(np.median(np.abs(ratio[kept] - middle)))
        kept = np.abs(ratio - middle) <= max(_CLIP * spread, 1e-6 * middle)
    scale = float(np.median(ratio[kept]))
    return Photometry(scale, int(kept.sum()), spread / scale)


def calibrated_projection(
    projection: SkyProjection[Any], calibration: Mapping[str, Any]
) -> SkyProjection[Any]:
    """Mend a projection as ``visit_calibration`` says.

    Parameters
    ----------
    projection
        Of the image that was calibrated.
    calibration
        The dataset; those of former versions have no ``placement``.
    """
    placement = calibration.get("placement")
    if placement is not None:
        projection = move_projection(projection, Placement.from_dict(placement))
    return correct_projection(projection, np.array(calibration["pixel_correction"]))


def move_projection(projection: SkyProjection[Any], placement: Placement) -> SkyProjection[Any]:
    """Put a placement behind a projection: the camera's distortion stays what it is."""
    frame = projection.pixel_frame
    matrix = np.eye(3)
    matrix[:2, :2] = placement.matrix
    moved = projection.pixel_to_sky_transform
    for step in (
        _on_sky(placement.before, frame).sky_to_pixel_transform,
        Transform.affine(frame, frame, matrix),
        _on_sky(placement.after, frame).pixel_to_sky_transform,
    ):
        moved = moved.then(step, remember_components=False)
    return SkyProjection(moved)


def _on_sky(plane: TangentPlane, frame: DetectorFrame) -> SkyProjection[Any]:
    """Make the projection of which the pixels are a plane's arcseconds."""
    header = fits.Header()
    for axis, (name, value) in enumerate((("RA---TAN", plane.ra), ("DEC--TAN", plane.dec)), start=1):
        header[f"CTYPE{axis}"], header[f"CUNIT{axis}"] = name, "deg"
        header[f"CRVAL{axis}"], header[f"CRPIX{axis}"] = value, 1.0
        header[f"CD{axis}_{axis}"] = 1.0 / 3600.0
    header["RADESYS"] = "ICRS"
    return make_projection(header, frame)


def correct_projection(projection: SkyProjection[Any], matrix: npt.NDArray[np.float64]) -> SkyProjection[Any]:
    """Put the correction of `fit_astrometry` before a projection."""
    frame = projection.pixel_frame
    mended = Transform.affine(frame, frame, matrix).then(
        projection.pixel_to_sky_transform, remember_components=False
    )
    return SkyProjection(mended)


def match_stars(
    sources: tuple[Floats, Floats], reference: tuple[Floats, Floats], largest_shift: float, radius: float
) -> Matches:
    """Match sources to reference stars, whatever offset (arcseconds) they share."""
    east, north = find_shift(sources, reference, largest_shift)
    dec = sources[1] + north / 3600.0
    ra = (sources[0] + east / 3600.0 / np.cos(np.radians(dec))) % 360.0
    return match_one_to_one((ra, dec), reference, radius)


def _fit_matrix(measured: Floats, wanted: Floats) -> npt.NDArray[np.float64]:
    matrix = np.eye(3)
    if len(measured) < _MIN_LINEAR:
        matrix[:2, 2] = np.median(wanted - measured, axis=0)
        return matrix
    design = np.column_stack([measured, np.ones(len(measured))])
    matrix[:2] = np.linalg.lstsq(design, wanted, rcond=None)[0].T
    return matrix
