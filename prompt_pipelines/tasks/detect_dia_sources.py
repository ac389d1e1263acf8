"""Sources of the difference image, measured and flagged."""

from collections.abc import Mapping, Sequence
from typing import Any, cast, override

import astropy.units as u
import numpy as np
from astropy.table import Table
from attrs import evolve, frozen
from lsst.daf.butler import DimensionRecord
from lsst.images import MaskedImage
from lsst.pipe.base import (
    InputQuantizedConnection,
    OutputQuantizedConnection,
    PipelineTask,
    PipelineTaskConfig,
    PipelineTaskConnections,
    QuantumContext,
    Struct,
)
from lsst.pipe.base.connectionTypes import Input, Output

from prompt_pipelines.arrays import Flags, Floats, Pixels, Planes
from prompt_pipelines.dia_detection import (
    Peaks,
    find_accompanied,
    find_dipoles,
    find_peaks,
)
from prompt_pipelines.dia_features import measure_features
from prompt_pipelines.dia_fits import DiaFits, Searched, fit_peaks
from prompt_pipelines.dia_shapes import dipole_columns, peaks_of_trails, trail_columns
from prompt_pipelines.dia_significance import Significance, measure_significance
from prompt_pipelines.dipoles import Dipole, fit_dipoles
from prompt_pipelines.errors import UnusableImageError
from prompt_pipelines.fields import count, number, text
from prompt_pipelines.ids import IdFactory
from prompt_pipelines.masks import planes_of, touches
from prompt_pipelines.positions import sky_positions
from prompt_pipelines.psf import PsfModel, PsfShift, fit_fluxes, fit_shifts
from prompt_pipelines.reliability import LONGEST_VERSION, load_model
from prompt_pipelines.trails import Trail, as_points, find_trails

__all__ = ["DetectDiaSourcesConfig", "DetectDiaSourcesConnections", "DetectDiaSourcesTask"]


_REJECTING = ("not_psf", "few_pixels", "faint", "diffuse", "dipole", "extended", "streak")
_OF_DIPOLES = ("few_pixels", "faint", "extended", "streak")  # what rejects one that has moved
_PIXELS = 80.0  # of the fit that the largest chi squared is told for
_CLOSE = 0.7  # pixels
_LOST_TO_SKY = 0.15  # of a source's light: what of its own is in its surroundings, and then some


class DetectDiaSourcesConnections(PipelineTaskConnections, dimensions=("instrument", "visit", "detector")):
    """What `DetectDiaSourcesTask` reads and writes."""

    difference_image = Input(
        doc="Science minus template, nJy.",
        name="difference_image",
        storageClass="MaskedImageV2",
        dimensions=("instrument", "visit", "detector"),
    )
    difference_psf = Input(
        doc="Its PSF.",
        name="difference_psf",
        storageClass="ImageV2",
        dimensions=("instrument", "visit", "detector"),
    )
    template_detector = Input(
        doc="The template on its pixels, nJy.",
        name="template_detector",
        storageClass="ImageV2",
        dimensions=("instrument", "visit", "detector"),
    )
    dia_sources = Output(
        doc="Its sources, the rejected ones flagged.",
        name="dia_sources",
        storageClass="ArrowAstropy",
        dimensions=("instrument", "visit", "detector"),
    )


class DetectDiaSourcesConfig(PipelineTaskConfig, pipelineConnections=DetectDiaSourcesConnections):
    """Choices of `DetectDiaSourcesTask`."""

    threshold = number("Detection threshold in standard deviations.", default=5.5, minimum=3.0)
    fit_radius = number("Pixels around a source that its PSF is fitted to.", default=5.0, minimum=1.5)
    masked_threshold = number("The same beside pixels that hold no data.", default=7.0, minimum=3.0)
    max_chi2 = number(
        "Largest reduced chi squared of a source that looks like the PSF, at low signal to noise.",
        default=1.5,
    )
    psf_error = number(
        "Share of a source by which the PSF may be wrong, root mean square: "
        "at high signal to noise that is more than the noise.",
        default=0.5,
    )
    host_error = number("The same share of the star that a source lies upon.", default=0.03)
    core_radius = number("Full widths around a source whose chi squared is judged as well.", default=1.2)
    sky_radius = number(
        "Full widths around a source in which it must stand out from its surroundings.", default=3.0
    )
    crowd_radius = number("Full widths within which rejected peaks make a source doubtful.", default=8.0)
    max_crowd = count("Such peaks, at least half as significant, that a source may have.", default=0)
    min_fit_share = number(
        "Share of the PSF's weight in the fit that must be on usable pixels.", default=0.6, maximum=1.0
    )
    dipole_radius = number(
        "Two peaks of opposite sign within this many full widths are a dipole.", default=1.5
    )
    max_extent = number("Full widths beyond which a region is no point: a streak or a halo.", default=6.0)
    max_trail = number(
        "Full widths that a trail may be long: what is longer is a satellite's streak.", default=30.0
    )
    max_sources = count(
        "More sources than this are no sky but a failed subtraction.", default=5000, minimum=1
    )
    min_reliability = number(
        "Score below which a source is rejected; 0 rejects none.", default=0.05, maximum=1.0
    )
    reliability_model = text("URI of an ONNX model of reliability in place of the shipped one.")


@frozen(eq=False, kw_only=True)
class Measured:
    """The peaks of a difference image, whatever they are."""

    peaks: Peaks
    """A trail is one, in its middle."""
    fits: DiaFits
    """In an image with points in the place of trails."""
    trails: Mapping[int, Trail]
    """By the number of the peak."""
    dipoles: Sequence[Dipole]
    features: Floats
    """Rows of `prompt_pipelines.dia_features.FEATURES`."""


class DetectDiaSourcesTask(PipelineTask):
    """Find what changed, measure it, and flag what does not look like a point of light."""

    ConfigClass = DetectDiaSourcesConfig
    _DefaultName = "detectDiaSources"
    config: DetectDiaSourcesConfig

    @override
    def runQuantum(
        self,
        butlerQC: QuantumContext,
        inputRefs: InputQuantizedConnection,
        outputRefs: OutputQuantizedConnection,
    ) -> None:
        """Read, run, write."""
        inputs = butlerQC.get(inputRefs)
        data_id = outputRefs.dia_sources.dataId
        visit = cast(DimensionRecord, data_id.records["visit"])
        ids = IdFactory.of_visit(visit.day_obs, visit.seq_num, visit.id, data_id["detector"])
        psf = PsfModel(inputs["difference_psf"].array, 0)
        template = inputs["template_detector"].array
        butlerQC.put(self.run(inputs["difference_image"], psf, template, ids), outputRefs)

    def run(self, difference: MaskedImage, psf: PsfModel, template: Pixels, ids: IdFactory) -> Struct:
        """Find the sources of one difference image.

        Parameters
        ----------
        difference
            The difference image, nJy.
        psf
            Its PSF.
        template
            What was subtracted, nJy.
        ids
            Gives the sources their ids.

        Returns
        -------
        outputs
            ``dia_sources``, see docs/pipelines.md for the columns.

        Raises
        ------
        UnusableImageError
            Raised if hardly a pixel is usable, or there are more sources than
            a sky can have.
        """
        model = load_model(self.config.reliability_model)
        found = self.measure(difference, psf, template)
        count = len(found.features)
        reliability = model.score(found.features)
        table = Table(
            {
                **self._columns(difference, found, psf, ids),
                "reliability": reliability.astype(np.float32),
                "reliability_version": np.full(count, model.version, dtype=f"U{LONGEST_VERSION}"),
                **trail_columns(difference, count, found.trails),
                **dipole_columns(difference, count, found.dipoles),
                **self._flags(difference, found, psf, reliability),
            }
        )
        self.metadata["dia_sources"] = len(table)
        self.metadata["dia_sources_accepted"] = int(np.count_nonzero(~np.asarray(table["flag_rejected"])))
        self.metadata["trails"] = len(found.trails)
        self.metadata["noise_scale"] = found.peaks.noise_scale
        return Struct(dia_sources=table)

    def measure(self, difference: MaskedImage, psf: PsfModel, template: Pixels) -> Measured:
        """Find the peaks of a difference image and measure them; parameters and errors as of `run`."""
        planes = planes_of(difference, ("NO_DATA", "VIGNETTED"))
        significance = measure_significance(planes, psf)
        trails = self._trails(difference, planes, psf, significance)
        if trails:
            planes = as_points(planes, psf, trails)
            significance = measure_significance(planes, psf)
        image = Searched(
            difference=planes,
            template=Planes(template, planes.variance, planes.unusable),
            mask=difference.mask,
            psf=psf,
        )
        peaks = self._peaks(image, significance)
        fits = fit_peaks(
            image,
            (peaks.x, peaks.y),
            radius=self.config.fit_radius,
            core_radius=self.config.core_radius * psf.fwhm,
            sky_radius=self.config.sky_radius * psf.fwhm,
        )
        return Measured(
            peaks=peaks,
            fits=fits,
            trails=peaks_of_trails(peaks, trails),
            dipoles=fit_dipoles(image, peaks, self.config.dipole_radius * psf.fwhm),
            features=measure_features(image, peaks, fits),
        )

    def _trails(
        self, difference: MaskedImage, planes: Planes, psf: PsfModel, significance: Significance
    ) -> Sequence[Trail]:
        streaks = np.asarray(difference.mask.get("STREAK"), dtype=bool)
        score = np.where(streaks, np.float32(0.0), significance.score)
        longest = self.config.max_trail * psf.fwhm
        return find_trails(planes, psf, score, self.config.threshold, longest)

    def _peaks(self, image: Searched, significance: Significance) -> Peaks:
        peaks = find_peaks(significance, self.config.threshold)
        if len(peaks.x) > self.config.max_sources:
            raise UnusableImageError(
                f"{len(peaks.x)} sources in the difference image, "
                f"at most {self.config.max_sources} are believed",
                sources=len(peaks.x),
            )
        return _at_best_places(image.difference, image.psf, peaks, self.config.fit_radius)

    def _columns(
        self, difference: MaskedImage, found: Measured, psf: PsfModel, ids: IdFactory
    ) -> dict[str, Any]:
        peaks, fit = found.peaks, found.fits.fixed
        x, y = peaks.x, peaks.y
        ra, dec = sky_positions(difference.sky_projection, x, y)
        # For a PSF of Gaussian shape; King (1983, PASP 95, 163).
        position_err = psf.fwhm / 2.354820 / np.maximum(np.abs(peaks.score), 1.0)
        snr = np.abs(peaks.score)
        if found.trails:
            planes = planes_of(difference, ("NO_DATA", "VIGNETTED"))
            fit = fit_fluxes(planes, psf, x, y, self.config.fit_radius)
        for peak, trail in found.trails.items():
            snr[peak] = trail.flux / trail.flux_err
            position_err[peak] = max(trail.x_err, trail.y_err)
        return {
            "id": ids.make(len(x)),
            "x": x * u.pix,
            "y": y * u.pix,
            "position_err": position_err * u.pix,
            "ra": ra * u.deg,
            "dec": dec * u.deg,
            "snr": snr,
            "is_negative": peaks.score < 0,
            "psf_flux": fit.flux * u.nJy,
            "psf_flux_err": fit.flux_err * max(peaks.noise_scale, 1.0) * u.nJy,
            "psf_chi2": fit.chi2,
            "psf_n_pixels": fit.n_pixels.astype(np.int32),
        }

    def _flags(
        self, difference: MaskedImage, found: Measured, psf: PsfModel, reliability: Floats
    ) -> dict[str, Flags]:
        peaks, fits = found.peaks, found.fits
        x, y, radius = peaks.x, peaks.y, self.config.fit_radius
        flags: dict[str, Any] = {
            f"flag_{name}": touches(difference.mask.get(plane), x, y, radius)
            for name, plane in (
                ("bad", "BAD"),
                ("saturated", "SATURATED"),
                ("cosmic_ray", "COSMIC_RAY"),
                ("no_data", "NO_DATA"),
                ("streak", "STREAK"),
            )
        }
        snr = np.abs(peaks.score)
        misfit = self.config.psf_error * snr + self.config.host_error * np.nan_to_num(
            np.abs(fits.host.flux) / fits.host.flux_err
        )
        flags["flag_edge"] = _beyond_edge(difference, x, y, radius)
        flags["flag_not_psf"] = self._is_misfit(fits.whole, misfit) | self._is_misfit(fits.core, misfit)
        flags["flag_few_pixels"] = fits.fixed.share < self.config.min_fit_share
        flags["flag_faint"] = (flags["flag_no_data"] | flags["flag_edge"]) & (
            snr < self.config.masked_threshold
        )
        flags["flag_diffuse"] = _is_diffuse(fits)
        flags["flag_dipole"] = find_dipoles(peaks, self.config.dipole_radius * psf.fwhm)
        flags["flag_extended"] = peaks.extent > self.config.max_extent * psf.fwhm
        rejected = np.logical_or.reduce([flags[f"flag_{name}"] for name in _REJECTING])
        flags["flag_crowded"] = self._are_crowded(peaks, rejected, psf)
        flags["flag_unreliable"] = reliability < self.config.min_reliability
        rejected |= flags["flag_crowded"] | flags["flag_unreliable"]
        for dipole in found.dipoles:
            if dipole.moved:
                rejected[dipole.peak] = any(flags[f"flag_{name}"][dipole.peak] for name in _OF_DIPOLES)
        flags["flag_rejected"] = rejected | ~np.isfinite(fits.fixed.flux)
        return flags

    def _are_crowded(self, peaks: Peaks, rejected: Flags, psf: PsfModel) -> Flags:
        """Tell which sources stand among rejected ones; weak ones, among weak ones too."""
        radius = self.config.crowd_radius * psf.fwhm
        weak = np.abs(peaks.score) < self.config.masked_threshold
        company = find_accompanied(peaks, rejected | weak, radius) > self.config.max_crowd
        return (find_accompanied(peaks, rejected, radius) > self.config.max_crowd) | (weak & company)

    def _is_misfit(self, fit: PsfShift, misfit: Floats) -> Flags:
        """Tell which sources the PSF does not fit; of few pixels chi squared is scattered more."""
        pixels = np.maximum(fit.n_pixels - 3.0, 1.0)
        allowed = 1.0 + (self.config.max_chi2 - 1.0) * np.sqrt(_PIXELS / pixels) + misfit**2 / pixels
        return np.asarray(fit.chi2 / pixels > allowed)


def _is_diffuse(fits: DiaFits) -> Flags:
    """Tell which sources are no more than the light around them: the edges of ghosts and of halos."""
    fixed, wide = fits.fixed, fits.wide
    error = np.sqrt(np.maximum(wide.flux_err**2 - fixed.flux_err**2, 0.0))
    lost = np.abs(fixed.flux) - np.sign(fixed.flux) * wide.flux
    return np.asarray(lost > 3.0 * error + _LOST_TO_SKY * np.abs(fixed.flux))


def _at_best_places(planes: Planes, psf: PsfModel, peaks: Peaks, radius: float) -> Peaks:
    """Move peaks to where the PSF fits best, if that is within the pixel."""
    shift = fit_shifts(planes, psf, peaks.x, peaks.y, radius)
    close = np.hypot(shift.dx, shift.dy) < _CLOSE
    return evolve(
        peaks, x=peaks.x + np.where(close, shift.dx, 0.0), y=peaks.y + np.where(close, shift.dy, 0.0)
    )


def _beyond_edge(image: MaskedImage, x: Floats, y: Floats, radius: float) -> Flags:
    rows, columns = image.image.array.shape
    inside = (x >= radius) & (x <= columns - 1 - radius) & (y >= radius) & (y <= rows - 1 - radius)
    return np.asarray(~inside)
