"""Sources of the difference image, measured and flagged."""

from typing import Any, cast, override

import astropy.units as u
import numpy as np
from astropy.table import Table
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

from prompt_pipelines.arrays import Flags, Floats
from prompt_pipelines.dia_detection import Peaks, find_dipoles, find_peaks
from prompt_pipelines.errors import UnusableImageError
from prompt_pipelines.fields import count, number
from prompt_pipelines.ids import IdFactory
from prompt_pipelines.masks import planes_of, touches
from prompt_pipelines.positions import sky_positions
from prompt_pipelines.psf import PsfFit, PsfModel, fit_fluxes

__all__ = ["DetectDiaSourcesConfig", "DetectDiaSourcesConnections", "DetectDiaSourcesTask"]


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
    max_chi2 = number(
        "Largest reduced chi squared of a source that looks like the PSF, at low signal to noise.",
        default=1.5,
    )
    max_chi2_slope = number(
        "What each unit of signal to noise adds to that: the PSF is not perfect.", default=0.04
    )
    min_fit_share = number("Share of the fit's pixels that must be usable.", default=0.7, maximum=1.0)
    dipole_radius = number(
        "Two peaks of opposite sign within this many full widths are a dipole.", default=1.5
    )
    max_extent = number("Full widths beyond which a region is no point: a streak or a halo.", default=6.0)
    max_sources = count(
        "More sources than this are no sky but a failed subtraction.", default=5000, minimum=1
    )


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
        butlerQC.put(self.run(inputs["difference_image"], psf, ids), outputRefs)

    def run(self, difference: MaskedImage, psf: PsfModel, ids: IdFactory) -> Struct:
        """Find the sources of one difference image.

        Parameters
        ----------
        difference
            The difference image, nJy.
        psf
            Its PSF.
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
        planes = planes_of(difference, ("NO_DATA", "VIGNETTED"))
        peaks = find_peaks(planes.pixels, planes.variance, planes.unusable, psf, self.config.threshold)
        if len(peaks.x) > self.config.max_sources:
            raise UnusableImageError(
                f"{len(peaks.x)} sources in the difference image, "
                f"at most {self.config.max_sources} are believed",
                sources=len(peaks.x),
            )
        fit = fit_fluxes(planes, psf, peaks.x, peaks.y, self.config.fit_radius)
        table = self._table(difference, peaks, fit, psf, ids)
        self.metadata["dia_sources"] = len(table)
        self.metadata["dia_sources_accepted"] = int(np.count_nonzero(~np.asarray(table["flag_rejected"])))
        self.metadata["noise_scale"] = peaks.noise_scale
        return Struct(dia_sources=table)

    def _table(
        self, difference: MaskedImage, peaks: Peaks, fit: PsfFit, psf: PsfModel, ids: IdFactory
    ) -> Table:
        x, y = peaks.x, peaks.y
        ra, dec = sky_positions(difference.sky_projection, x, y)
        # For a PSF of Gaussian shape; King (1983, PASP 95, 163).
        position_err = psf.fwhm / 2.354820 / np.maximum(np.abs(peaks.score), 1.0)
        return Table(
            {
                "id": ids.make(len(x)),
                "x": x * u.pix,
                "y": y * u.pix,
                "position_err": position_err * u.pix,
                "ra": ra * u.deg,
                "dec": dec * u.deg,
                "snr": np.abs(peaks.score),
                "is_negative": peaks.score < 0,
                "psf_flux": fit.flux * u.nJy,
                "psf_flux_err": fit.flux_err * max(peaks.noise_scale, 1.0) * u.nJy,
                "psf_chi2": fit.chi2,
                "psf_n_pixels": fit.n_pixels.astype(np.int32),
                **self._flags(difference, peaks, fit, psf),
            }
        )

    def _flags(self, difference: MaskedImage, peaks: Peaks, fit: PsfFit, psf: PsfModel) -> dict[str, Flags]:
        x, y, radius = peaks.x, peaks.y, self.config.fit_radius
        reduced = fit.chi2 / np.maximum(fit.n_pixels - 1.0, 1.0) / max(peaks.noise_scale, 1.0) ** 2
        allowed = self.config.max_chi2 + self.config.max_chi2_slope * np.abs(peaks.score)
        share = fit.n_pixels / (np.pi * radius**2)
        flags: dict[str, Any] = {
            f"flag_{name}": touches(difference.mask.get(plane), x, y, radius)
            for name, plane in (
                ("bad", "BAD"),
                ("saturated", "SATURATED"),
                ("cosmic_ray", "COSMIC_RAY"),
                ("no_data", "NO_DATA"),
            )
        }
        flags["flag_edge"] = _beyond_edge(difference, x, y, radius)
        flags["flag_not_psf"] = reduced > allowed
        flags["flag_few_pixels"] = share < self.config.min_fit_share
        flags["flag_dipole"] = find_dipoles(peaks, self.config.dipole_radius * psf.fwhm)
        flags["flag_extended"] = peaks.extent > self.config.max_extent * psf.fwhm
        rejected = flags["flag_not_psf"] | flags["flag_few_pixels"]
        rejected |= flags["flag_dipole"] | flags["flag_extended"]
        flags["flag_rejected"] = rejected | ~np.isfinite(fit.flux)
        return flags


def _beyond_edge(image: MaskedImage, x: Floats, y: Floats, radius: float) -> Flags:
    rows, columns = image.image.array.shape
    inside = (x >= radius) & (x <= columns - 1 - radius) & (y >= radius) & (y <= rows - 1 - radius)
    return np.asarray(~inside)
