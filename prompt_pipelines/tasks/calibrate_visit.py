"""Astrometric and photometric calibration of one visit and detector."""

from typing import Any, override

import astropy.units as u
import numpy as np
from astropy.table import Table, vstack
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
from lsst.pipe.base.connectionTypes import Input, Output, PrerequisiteInput

from prompt_pipelines.arrays import Floats
from prompt_pipelines.calibration import (
    Astrometry,
    Photometry,
    correct_projection,
    fit_astrometry,
    fit_photometry,
    match_stars,
)
from prompt_pipelines.errors import UnusableImageError
from prompt_pipelines.fields import count, number
from prompt_pipelines.positions import sky_positions
from prompt_pipelines.significance import Evidence, PointSources, Tolerance, weigh_matches
from prompt_pipelines.sky_matching import Matches

__all__ = ["CalibrateVisitConfig", "CalibrateVisitConnections", "CalibrateVisitTask"]


class CalibrateVisitConnections(PipelineTaskConnections, dimensions=("instrument", "visit", "detector")):
    """What `CalibrateVisitTask` reads and writes."""

    preliminary_visit_image = Input(
        doc="Image whose projection is checked.",
        name="preliminary_visit_image",
        storageClass="MaskedImageV2",
        dimensions=("instrument", "visit", "detector"),
    )
    single_visit_sources = Input(
        doc="Its sources.",
        name="single_visit_sources",
        storageClass="ArrowAstropy",
        dimensions=("instrument", "visit", "detector"),
    )
    reference_catalogue = PrerequisiteInput(
        doc="Stars: id, ra, dec (deg), {band}_flux (nJy).",
        name="reference_catalogue",
        storageClass="ArrowAstropy",
        dimensions=("htm7",),
        multiple=True,
    )
    visit_calibration = Output(
        doc="Correction of the projection, photometric scale, and how good both are.",
        name="visit_calibration",
        storageClass="StructuredDataDict",
        dimensions=("instrument", "visit", "detector"),
    )
    single_visit_stars = Output(
        doc="Sources that are reference stars, calibrated.",
        name="single_visit_stars",
        storageClass="ArrowAstropy",
        dimensions=("instrument", "visit", "detector"),
    )


class CalibrateVisitConfig(PipelineTaskConfig, pipelineConnections=CalibrateVisitConnections):
    """Choices of `CalibrateVisitTask`."""

    largest_shift = number(
        "Largest error of the pointing that is looked for, arcsec.", default=10.0, minimum=0.0
    )
    match_radius = number("Of source and star once the shift is known, arcsec.", default=1.5, minimum=0.1)
    min_stars = count("Fewest stars that make a calibration.", default=3, minimum=1)
    min_snr = number("Signal to noise of a source that is matched.", default=10.0)
    match_magnitudes = number(
        "Of source and star once the zero point is known; others do not count as matched, mag.",
        default=0.5,
        minimum=0.01,
    )
    max_false_alarms = number(
        "Largest number of matches as good that chance would make in the whole search.", default=0.01
    )
    max_scatter = number("Largest astrometric scatter of a usable calibration, arcsec.", default=1.0)
    max_flux_scatter = number("Largest photometric scatter of a usable calibration, mag.", default=0.3)


class CalibrateVisitTask(PipelineTask):
    """Match sources to reference stars; mend the projection, find the photometric scale."""

    ConfigClass = CalibrateVisitConfig
    _DefaultName = "calibrateVisit"
    config: CalibrateVisitConfig

    @override
    def runQuantum(
        self,
        butlerQC: QuantumContext,
        inputRefs: InputQuantizedConnection,
        outputRefs: OutputQuantizedConnection,
    ) -> None:
        """Read, run, write."""
        inputs = butlerQC.get(inputRefs)
        reference = vstack(inputs["reference_catalogue"], metadata_conflicts="silent")
        band = outputRefs.visit_calibration.dataId["band"]
        outputs = self.run(inputs["preliminary_visit_image"], inputs["single_visit_sources"], reference, band)
        butlerQC.put(outputs, outputRefs)

    def run(self, image: MaskedImage, sources: Table, reference: Table, band: str) -> Struct:
        """Calibrate one image by its stars.

        Parameters
        ----------
        image
            With the projection to check.
        sources
            Of the image.
        reference
            The catalogue.
        band
            Which of the catalogue's fluxes to compare with.

        Returns
        -------
        outputs
            ``visit_calibration`` and ``single_visit_stars``.

        Raises
        ------
        UnusableImageError
            Raised if the image has no projection, too few of its sources are
            in the catalogue, chance might have put them there, or they are
            scattered too widely.
        """
        if image.sky_projection is None:
            raise UnusableImageError("the image has no sky projection, so it cannot be calibrated")
        if f"{band}_flux" not in reference.colnames:
            raise UnusableImageError(f"the reference catalogue has no fluxes of the band {band}")
        sources = sources[self._good(sources)]
        known = np.asarray(reference[f"{band}_flux"], dtype=float)
        reference = reference[np.isfinite(known) & (known > 0)]
        x, y = (np.asarray(sources[name], dtype=float) for name in ("x", "y"))
        seen = PointSources(
            *sky_positions(image.sky_projection, x, y), np.asarray(sources["flux"], dtype=float)
        )
        stars = PointSources(
            *(np.asarray(reference[name], dtype=float) for name in ("ra", "dec", f"{band}_flux"))
        )
        matches = self._match(seen, stars)
        pixels = x[matches.first], y[matches.first]
        places = stars.ra[matches.second], stars.dec[matches.second]
        astrometry = fit_astrometry(image.sky_projection, pixels, places)
        evidence = weigh_matches(seen, stars, matches, self._tolerance())
        self._judge(astrometry, evidence, len(matches.first), len(x))
        photometry = fit_photometry(seen.flux[matches.first], stars.flux[matches.second])
        calibration = _described(astrometry, photometry)
        self._note(calibration, evidence)
        table = self._stars(
            sources[matches.first],
            np.asarray(reference["id"])[matches.second],
            sky_positions(correct_projection(image.sky_projection, astrometry.matrix), *pixels),
            photometry.nanojansky_per_electron,
        )
        return Struct(visit_calibration=calibration, single_visit_stars=table)

    def _tolerance(self) -> Tolerance:
        return Tolerance(
            largest_shift=self.config.largest_shift,
            radius=self.config.match_radius,
            magnitudes=self.config.match_magnitudes,
        )

    def _match(self, seen: PointSources, stars: PointSources) -> Matches:
        matches = match_stars(
            (seen.ra, seen.dec), (stars.ra, stars.dec), self.config.largest_shift, self.config.match_radius
        )
        if len(matches.first) < self.config.min_stars:
            raise UnusableImageError(
                f"{len(matches.first)} of {len(seen.ra)} sources are reference stars, "
                f"at least {self.config.min_stars} are needed",
                matched=len(matches.first),
                sources=len(seen.ra),
            )
        return matches

    def _judge(self, astrometry: Astrometry, evidence: Evidence, matched: int, sources: int) -> None:
        """Refuse a match that is not significant, or scattered too widely."""
        if evidence.false_alarms > self.config.max_false_alarms:
            fault = f"that may be chance (is the pointing off by over {self.config.largest_shift:g} arcsec?)"
        elif evidence.flux_scatter > self.config.max_flux_scatter:
            fault = f"their fluxes disagree by over {self.config.max_flux_scatter:g} mag"
        elif astrometry.scatter > self.config.max_scatter:
            fault = f"their positions disagree by over {self.config.max_scatter:g} arcsec"
        else:
            return
        raise UnusableImageError(
            f"{matched} of {sources} sources lie where reference stars are, but {fault}: "
            f"{evidence.agreeing} agree in flux, chance alone gives {evidence.by_chance:.2g} at each of "
            f"{evidence.trials:.3g} shifts and {evidence.false_alarms:.2g} matches as good in all (at most "
            f"{self.config.max_false_alarms:g} are accepted); scatter {evidence.flux_scatter:.2f} mag "
            f"and {astrometry.scatter:.2f} arcsec",
            matched=matched,
            sources=sources,
            scatter=astrometry.scatter,
            flux_scatter=evidence.flux_scatter,
            by_chance=evidence.by_chance,
            false_alarms=evidence.false_alarms,
        )

    def _note(self, calibration: dict[str, Any], evidence: Evidence) -> None:
        for name, value in calibration.items():
            if not isinstance(value, list):
                self.metadata[name] = value
        self.metadata["matches_by_chance"] = evidence.by_chance
        self.metadata["false_alarms"] = evidence.false_alarms

    def _good(self, sources: Table) -> np.ndarray:
        good = np.asarray(sources["flux"]) > self.config.min_snr * np.asarray(sources["flux_err"])
        for name in ("flag_edge", "flag_masked", "flag_saturated"):
            good &= ~np.asarray(sources[name])
        return np.asarray(good)

    def _stars(self, sources: Table, ids: np.ndarray, sky: tuple[Floats, Floats], scale: float) -> Table:
        return Table(
            {
                "id": np.asarray(sources["id"]),
                "reference_id": np.asarray(ids),
                "x": np.asarray(sources["x"]) * u.pix,
                "y": np.asarray(sources["y"]) * u.pix,
                "ra": sky[0] * u.deg,
                "dec": sky[1] * u.deg,
                "flux": scale * np.asarray(sources["flux"]) * u.nJy,
                "flux_err": scale * np.asarray(sources["flux_err"]) * u.nJy,
            }
        )


def _described(astrometry: Astrometry, photometry: Photometry) -> dict[str, Any]:
    return {
        "pixel_correction": astrometry.matrix.tolist(),
        "astrometric_stars": astrometry.stars,
        "astrometric_shift_arcsec": astrometry.shift,
        "astrometric_scatter_arcsec": astrometry.scatter,
        "nanojansky_per_electron": photometry.nanojansky_per_electron,
        "photometric_stars": photometry.stars,
        "photometric_scatter": photometry.scatter,
    }
