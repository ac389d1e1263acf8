"""Astrometric and photometric calibration of one visit and detector."""

from typing import Any, cast, override

import astropy.units as u
import numpy as np
from astropy.table import Table, vstack
from attrs import fields_dict
from lsst.images import MaskedImage, SkyProjection
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
from prompt_pipelines.errors import UnusableImageError
from prompt_pipelines.fields import count, number
from prompt_pipelines.pattern_search import PatternSearch
from prompt_pipelines.positions import sky_positions
from prompt_pipelines.proper_motions import moved_to
from prompt_pipelines.significance import PointSources
from prompt_pipelines.star_match import (
    POINTING_ERROR,
    Limits,
    Seen,
    StarMatch,
    match_by_pattern,
    match_by_shift,
)
from prompt_pipelines.zero_point import Photometry, choose_colours, fit_gradient, fit_photometry

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
        doc="Stars: id, ra, dec (deg), {band}_flux (nJy); epoch (yr), pm_ra and pm_dec (mas/yr) if known.",
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
    min_spread = number(
        "Least spread of the matched stars over the image, where an even distribution has 1.", default=0.25
    )
    pointing_error = number(
        "How far the pointing may be off, degrees. If no shift of a few arcseconds is found, the pattern of "
        "the stars is searched so far around, whatever rotation and parity; 0: it is not. What the camera "
        "file says (pointing_error_deg) counts if it is more.",
        default=0.0,
        maximum=10.0,
    )
    scale_error = number(
        "Relative error of the image scale that a pattern may have.", default=0.02, maximum=0.2
    )
    search_seconds = number("Longest search for a pattern, s.", default=15.0)


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
            The catalogue; stars with proper motions are taken where they are at the exposure's time.
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
        known = _fluxes(reference)[band]
        reference = reference[np.isfinite(known) & (known > 0)]
        if (when := image.metadata.get("mjd_mid_tai")) is not None:
            reference = moved_to(reference, float(cast(float, when)))
        seen = Seen(
            **{name: np.asarray(sources[name], dtype=float) for name in ("x", "y", "flux")}, box=image.bbox
        )
        stars = PointSources(
            *(np.asarray(reference[name], dtype=float) for name in ("ra", "dec", f"{band}_flux"))
        )
        found = self._match(image, seen, stars)
        first, second = found.matches.first, found.matches.second
        colours = choose_colours(_fluxes(reference[second]), band)
        photometry = fit_photometry(seen.flux[first], stars.flux[second], colours)
        calibration = _described(found, photometry)
        calibration["photometric_gradient"] = fit_gradient(
            2.5 * np.log10(stars.flux[second] / seen.flux[first]),
            np.column_stack(seen.places(first)),
            (seen.box.x.size, seen.box.y.size),
        )
        self._note(calibration, found)
        table = self._stars(
            sources[first],
            np.asarray(reference["id"])[second],
            sky_positions(found.corrected(), seen.x[first], seen.y[first]),
            photometry.nanojansky_per_electron,
        )
        return Struct(visit_calibration=calibration, single_visit_stars=table)

    def _match(self, image: MaskedImage, seen: Seen, stars: PointSources) -> StarMatch:
        """Match by a shift; where the pointing may be off further, by the pattern of stars."""
        projection = cast("SkyProjection[Any]", image.sky_projection)
        config = self.config
        limits = Limits(**{name: getattr(config, name) for name in fields_dict(Limits)})
        try:
            return match_by_shift(projection, seen, stars, limits)
        except UnusableImageError as refusal:
            radius = max(config.pointing_error, float(cast(float, image.metadata.get(POINTING_ERROR, 0.0))))
            if not radius:
                raise
            search = PatternSearch(
                radius=radius,
                scale_error=config.scale_error,
                match_radius=config.match_radius,
                seconds=config.search_seconds,
            )
            try:
                return match_by_pattern(projection, seen, stars, limits, search)
            except UnusableImageError as other:
                raise UnusableImageError(f"{refusal}; {other}", **other.metadata) from None

    def _note(self, calibration: dict[str, Any], found: StarMatch) -> None:
        for name, value in calibration.items():
            if isinstance(value, int | float):
                self.metadata[name] = value
        self.metadata["matches_by_chance"] = found.evidence.by_chance
        self.metadata["false_alarms"] = found.evidence.false_alarms
        self.metadata["found_by_pattern"] = found.placement is not None

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


def _fluxes(reference: Table) -> dict[str, Floats]:
    """Read a catalogue's fluxes by band; shards with other columns leave gaps in a stacked table."""
    return {
        name.removesuffix("_flux"): np.ma.filled(np.ma.asarray(reference[name]).astype(float), np.nan)
        for name in reference.colnames
        if name.endswith("_flux")
    }


def _described(found: StarMatch, photometry: Photometry) -> dict[str, Any]:
    distortion = found.astrometry.distortion
    return {
        "pixel_correction": found.astrometry.matrix.tolist(),
        "pixel_distortion": None if distortion is None else distortion.as_dict(),
        "placement": None if found.placement is None else found.placement.as_dict(),
        "astrometric_stars": found.astrometry.stars,
        "astrometric_shift_arcsec": found.astrometry.shift,
        "astrometric_scatter_arcsec": found.astrometry.scatter,
        "nanojansky_per_electron": photometry.nanojansky_per_electron,
        "photometric_stars": photometry.stars,
        "photometric_scatter": photometry.scatter,
        "photometric_colour": photometry.colour,
        "photometric_colour_term": photometry.colour_term,
        "photometric_colour_zero": photometry.colour_zero,
    }
