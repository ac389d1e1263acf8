"""What the reliability score looks at: numbers that mean the same whatever camera, seeing and flux are."""

import numpy as np
from scipy.ndimage import map_coordinates
from scipy.spatial import KDTree

from prompt_pipelines.arrays import Flags, Floats
from prompt_pipelines.dia_detection import Peaks
from prompt_pipelines.dia_fits import DiaFits, Searched
from prompt_pipelines.psf import PsfModel

__all__ = ["FEATURES", "measure_features"]

_RINGS = (0.0, 0.35, 0.7, 1.1, 1.6, 2.4)  # full widths
_ANGLES = 8
_NEAR, _FAR = 3.0, 8.0  # full widths
_FLOOR = 1e-6
_MASKS = ("SATURATED", "COSMIC_RAY", "NO_DATA", "BAD")

FEATURES = (
    *("snr", "is_negative", "fwhm", "extent", "edge", "noise_scale"),
    *("chi2_fixed", "chi2_whole", "chi2_core", "share", "shift"),
    *("sky_ratio", "host_snr", "host_ratio"),
    *(f"masked_{name.lower()}" for name in _MASKS),
    *("neighbours", "stronger_neighbours", "opposite_distance", "opposite_ratio"),
    *(f"ring_{number}" for number in range(len(_RINGS))),
    *(f"ring_worst_{number}" for number in range(len(_RINGS))),
    *(f"ring_lopsided_{number}" for number in range(1, len(_RINGS))),
    *(f"ring_host_{number}" for number in range(len(_RINGS))),
)
"""Their names, in order."""


def measure_features(image: Searched, peaks: Peaks, fits: DiaFits) -> Floats:
    """Measure one row of `FEATURES` for each peak, `fits` being at the same places; all are finite."""
    psf = image.psf
    snr = np.abs(peaks.score)
    rows, columns = image.difference.pixels.shape
    edge = np.minimum.reduce([peaks.x, columns - 1 - peaks.x, peaks.y, rows - 1 - peaks.y]) / psf.fwhm
    flux = np.where(np.isfinite(fits.fixed.flux), fits.fixed.flux, 0.0)
    size = np.maximum(np.abs(flux), _FLOOR)
    host = np.nan_to_num(fits.host.flux)
    measured = [
        np.log10(np.maximum(snr, 1.0)),
        (peaks.score < 0).astype(float),
        np.full(len(snr), psf.fwhm),
        peaks.extent / psf.fwhm / np.sqrt(np.log(np.maximum(snr, 4.0))),
        np.clip(edge, 0.0, _NEAR),
        np.full(len(snr), peaks.noise_scale),
        *(_log_of_reduced(fit.chi2, fit.n_pixels, snr) for fit in (fits.fixed, fits.whole, fits.core)),
        fits.fixed.share,
        np.clip(np.hypot(fits.whole.dx, fits.whole.dy) / psf.fwhm, 0.0, 2.0),
        np.clip(fits.wide.flux * np.sign(flux) / size, -2.0, 2.0),
        np.arcsinh(host / np.maximum(np.nan_to_num(fits.host.flux_err, nan=1.0), _FLOOR)),
        np.arcsinh(host / size),
        *_masked(image, peaks),
        *_company(peaks, psf),
        *_rings(image, peaks, flux),
    ]
    return np.asarray(np.nan_to_num(np.column_stack(measured), posinf=1e6, neginf=-1e6), dtype=float)


def _log_of_reduced(chi2: Floats, n_pixels: Floats, snr: Floats) -> Floats:
    """Tell chi squared a pixel as a share of the source where that is more than noise."""
    reduced = chi2 / np.maximum(n_pixels - 3.0, 1.0)
    return np.asarray(np.log10(np.maximum(reduced, 0.01) / (1.0 + (snr / 50.0) ** 2)))


def _masked(image: Searched, peaks: Peaks) -> list[Floats]:
    """Measure the share of pixels close by that are masked, by reason."""
    half = int(np.ceil(_NEAR * image.psf.fwhm / 2.0))
    offsets = np.arange(-half, half + 1)
    rows, columns = image.difference.pixels.shape
    row = np.clip(np.rint(peaks.y).astype(int)[:, None] + offsets, 0, rows - 1)
    column = np.clip(np.rint(peaks.x).astype(int)[:, None] + offsets, 0, columns - 1)
    at = (row[:, :, None], column[:, None, :])
    return [np.asarray(image.mask.get(name), dtype=bool)[at].mean(axis=(1, 2)) for name in _MASKS]


def _company(peaks: Peaks, psf: PsfModel) -> list[Floats]:
    """Measure who else is near: all, the stronger ones, and the nearest of the other sign."""
    count = len(peaks.x)
    near, stronger, ratio = (np.zeros(count) for _ in range(3))
    distance = np.full(count, _FAR)
    if count > 1:
        places = np.column_stack([peaks.x, peaks.y])
        pairs = KDTree(places).query_pairs(_FAR * psf.fwhm, output_type="ndarray")
        for one, other in np.concatenate([pairs, pairs[:, ::-1]]):
            away = float(np.hypot(*(places[one] - places[other]))) / psf.fwhm
            relative = peaks.score[other] / peaks.score[one]
            near[one] += 1.0
            stronger[one] += abs(relative) > 0.5
            if relative < 0 and away < distance[one]:
                distance[one], ratio[one] = away, max(relative, -3.0)
    return [np.minimum(near, 10.0), np.minimum(stronger, 10.0), distance, ratio]


def _rings(image: Searched, peaks: Peaks, flux: Floats) -> list[Floats]:
    """Compare rings around each peak with the PSF's: their means, worst points and lopsidedness."""
    planes, psf = image.difference, image.psf
    angle = 2.0 * np.pi * np.arange(_ANGLES) / _ANGLES
    radius = np.array(_RINGS)[:, None] * psf.fwhm
    dx, dy = radius * np.cos(angle), radius * np.sin(angle)
    places = [peaks.y[:, None, None] + dy, peaks.x[:, None, None] + dx]
    middle = psf.stamp.shape[0] // 2
    model = map_coordinates(psf.stamp.astype(float), [dy + middle, dx + middle], order=1)
    usable: Flags = ~planes.unusable
    at = (
        np.clip(np.rint(places[0]).astype(int), 0, usable.shape[0] - 1),
        np.clip(np.rint(places[1]).astype(int), 0, usable.shape[1] - 1),
    )
    seen = usable[at]
    noise = np.sqrt(np.where(seen, planes.variance[at], 1.0))
    data = map_coordinates(np.where(usable, planes.pixels, np.float32(0.0)), places, order=1)
    below = map_coordinates(np.nan_to_num(image.template.pixels), places, order=1)
    height = np.maximum(np.abs(flux) * float(psf.stamp.max()), _FLOOR)[:, None, None]
    sign = np.where(flux < 0, -1.0, 1.0)[:, None, None]
    # Between a share of the source and the noise: the one counts for bright sources, the other for faint.
    scale = np.hypot(0.1 * height, noise)
    off = np.where(seen, sign * (data - flux[:, None, None] * model) / scale, 0.0)
    host = np.arcsinh(below / height).mean(axis=2)
    worst = np.take_along_axis(off, np.abs(off).argmax(axis=2)[..., None], axis=2)[..., 0]
    lopsided = np.abs(off - np.roll(off, _ANGLES // 2, axis=2)).mean(axis=2)[:, 1:]
    clipped = (np.clip(each, -20.0, 20.0) for each in (off.mean(axis=2), worst, lopsided, host))
    return [column for block in clipped for column in block.T]
