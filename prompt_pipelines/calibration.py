"""Astrometric and photometric calibration of a visit against a reference catalogue."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.coordinates import SkyCoord
from attrs import frozen
from lsst.images import SkyProjection, Transform
from scipy.spatial import KDTree

from prompt_pipelines.arrays import Floats
from prompt_pipelines.distortion import Distortion, fit_distortion
from prompt_pipelines.fits_approximation import with_fits_approximation
from prompt_pipelines.pattern_search import Placement
from prompt_pipelines.sky_matching import Matches, match_one_to_one, offset_on_sky, on_plane
from prompt_pipelines.triangles import Similarities, as_points

__all__ = [
    "Astrometry",
    "calibrated_projection",
    "correct_projection",
    "find_shift",
    "fit_astrometry",
    "match_stars",
    "move_projection",
]

_CLIP = 3.0  # robust standard deviations
_ROUNDS = 3
_MIN_LINEAR = 10  # stars; with fewer only a shift is fitted, or
_MIN_SIMILAR = 5  # stars; a turn and a scale with it
_MUCH_BETTER = 10.0  # times the gain that a turn and a scale without meaning would bring
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
    distortion: Distortion | None = None
    """Of measured pixels, before the matrix."""


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
    *,
    with_distortion: bool = False,
) -> Astrometry:
    """Fit a correction in pixels to stars that are matched already.

    Parameters
    ----------
    projection
        As the header or the pointing gave it.
    pixels
        Measured x and y.
    reference
        Right ascensions and declinations of the same stars, degrees.
    with_distortion
        Whether more than a linear correction is fitted, where there are stars enough.
    """
    sky = SkyCoord(reference[0], reference[1], unit="deg")
    there = projection.sky_to_pixel(sky)
    measured = np.column_stack(pixels)
    wanted = np.column_stack([there.x, there.y])
    kept = np.ones(len(measured), dtype=bool)
    matrix, distortion = np.eye(3), None
    for _ in range(_ROUNDS):
        matrix = _fit_matrix(measured[kept], wanted[kept])
        distortion = fit_distortion(measured[kept], wanted[kept], matrix) if with_distortion else None
        residual = np.hypot(*(_corrected(measured, matrix, distortion) - wanted).T)
        limit = _CLIP * 1.4826 * np.median(residual[kept])
        kept = residual <= max(limit, 1e-6)
    before = projection.pixel_to_sky(x=pixels[0], y=pixels[1])
    east, north = offset_on_sky(before.ra.deg, before.dec.deg, *reference)
    corrected = _corrected(measured[kept], matrix, distortion)
    after = projection.pixel_to_sky(x=corrected[:, 0], y=corrected[:, 1])
    rms = float(np.sqrt(np.mean(after.separation(sky[kept]).arcsec ** 2)))
    shift = float(np.hypot(np.median(east), np.median(north)))
    return Astrometry(matrix, int(kept.sum()), shift, rms, distortion)


def calibrated_projection(
    projection: SkyProjection[Any], calibration: Mapping[str, Any]
) -> SkyProjection[Any]:
    """Mend a projection as ``visit_calibration`` says; FITS cards tell of it, by an approximation if need be.

    Parameters
    ----------
    projection
        Of the image that was calibrated.
    calibration
        The dataset; those of former versions have no ``placement`` or ``pixel_distortion``.
    """
    placement = calibration.get("placement")
    if placement is not None:
        projection = move_projection(projection, Placement.from_dict(placement))
    distortion = calibration.get("pixel_distortion")
    mended = correct_projection(
        projection,
        np.array(calibration["pixel_correction"]),
        None if distortion is None else Distortion.from_dict(distortion),
    )
    return with_fits_approximation(mended)


def move_projection(projection: SkyProjection[Any], placement: Placement) -> SkyProjection[Any]:
    """Put a placement behind a projection: the camera's distortion stays what it is."""
    frame = projection.pixel_frame
    matrix = np.eye(3)
    matrix[:2, :2] = placement.matrix
    moved = projection.pixel_to_sky_transform
    steps: tuple[Transform[Any, Any], ...] = (
        placement.before.projection(frame).sky_to_pixel_transform,
        Transform.affine(frame, frame, matrix),
        placement.after.projection(frame).pixel_to_sky_transform,
    )
    for step in steps:
        moved = moved.then(step, remember_components=False)
    return SkyProjection(moved)


def correct_projection(
    projection: SkyProjection[Any],
    matrix: npt.NDArray[np.float64],
    distortion: Distortion | None = None,
) -> SkyProjection[Any]:
    """Put the correction of `fit_astrometry` before a projection."""
    frame = projection.pixel_frame
    mended = Transform.affine(frame, frame, matrix)
    if distortion is not None:
        mended = distortion.transform(frame).then(mended, remember_components=False)
    return SkyProjection(mended.then(projection.pixel_to_sky_transform, remember_components=False))


def match_stars(
    sources: tuple[Floats, Floats], reference: tuple[Floats, Floats], largest_shift: float, radius: float
) -> Matches:
    """Match sources to reference stars, whatever offset (arcseconds) they share."""
    east, north = find_shift(sources, reference, largest_shift)
    dec = sources[1] + north / 3600.0
    ra = (sources[0] + east / 3600.0 / np.cos(np.radians(dec))) % 360.0
    return match_one_to_one((ra, dec), reference, radius)


def _corrected(places: Floats, matrix: Floats, distortion: Distortion | None) -> Floats:
    moved = places if distortion is None else distortion.move(places)
    return np.asarray(moved @ matrix[:2, :2].T + matrix[:2, 2])


def _fit_matrix(measured: Floats, wanted: Floats) -> npt.NDArray[np.float64]:
    """Fit a linear correction; of few stars a shift, with a turn and a scale if that is much better."""
    matrix = np.eye(3)
    if len(measured) >= _MIN_LINEAR:
        design = np.column_stack([measured, np.ones(len(measured))])
        matrix[:2] = np.linalg.lstsq(design, wanted, rcond=None)[0].T
        return matrix
    matrix[:2, 2] = np.median(wanted - measured, axis=0)
    if len(measured) >= _MIN_SIMILAR:
        similar = _similarity(measured, wanted)
        left, other = (
            float(np.sum((_corrected(measured, one, None) - wanted) ** 2)) for one in (similar, matrix)
        )
        if (other - left) / 2.0 > _MUCH_BETTER * left / (2.0 * len(measured) - 4.0):
            return similar
    return matrix


def _similarity(measured: Floats, wanted: Floats) -> npt.NDArray[np.float64]:
    here, there = (as_points(places) for places in (measured, wanted))
    way = Similarities.through(here[None, :], there[None, :], np.zeros(1, dtype=bool))
    factor, shift = complex(way.factor[0]), complex(way.shift[0])
    return np.array(
        [[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag], [0.0, 0.0, 1.0]]
    )
