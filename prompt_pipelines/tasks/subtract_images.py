"""Template warp and PSF-matched difference of one visit and detector."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast, override

import astropy.units as u
import numpy as np
from astropy.table import Table
from lsst.daf.butler import DataCoordinate, DeferredDatasetHandle, DimensionRecord
from lsst.images import Image, MaskedImage, SkyProjection
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
from scipy.ndimage import binary_dilation

from prompt_pipelines.arrays import Flags, Floats
from prompt_pipelines.calibration import calibrated_projection
from prompt_pipelines.detection import aperture_fluxes
from prompt_pipelines.errors import UnusableImageError
from prompt_pipelines.fields import count, number
from prompt_pipelines.masks import any_of, image_schema, planes_of
from prompt_pipelines.psf import PsfModel, isolated, measure_psf
from prompt_pipelines.streaks import find_streaks
from prompt_pipelines.subtraction import Difference, Pair, make_pair, subtract
from prompt_pipelines.warp import Warped, seen_box, stitch

__all__ = ["SubtractImagesConfig", "SubtractImagesConnections", "SubtractImagesTask"]


class SubtractImagesConnections(PipelineTaskConnections, dimensions=("instrument", "visit", "detector")):
    """What `SubtractImagesTask` reads and writes."""

    preliminary_visit_image = Input(
        doc="Science image, electrons.",
        name="preliminary_visit_image",
        storageClass="MaskedImageV2",
        dimensions=("instrument", "visit", "detector"),
    )
    preliminary_visit_psf = Input(
        doc="Its PSF.",
        name="preliminary_visit_psf",
        storageClass="ImageV2",
        dimensions=("instrument", "visit", "detector"),
    )
    single_visit_sources = Input(
        doc="Its sources, among which are the stars that the kernel is fitted to.",
        name="single_visit_sources",
        storageClass="ArrowAstropy",
        dimensions=("instrument", "visit", "detector"),
    )
    visit_calibration = Input(
        doc="Correction of its projection and photometric scale.",
        name="visit_calibration",
        storageClass="StructuredDataDict",
        dimensions=("instrument", "visit", "detector"),
    )
    template_coadd = Input(
        doc="Images of the static sky with sky projection. Their unit is found from the stars.",
        name="template_coadd",
        storageClass="MaskedImageV2",
        dimensions=("skymap", "tract", "patch", "band"),
        multiple=True,
        deferLoad=True,
    )
    template_detector = Output(
        doc="The template on the science image's pixels, nJy.",
        name="template_detector",
        storageClass="ImageV2",
        dimensions=("instrument", "visit", "detector"),
    )
    difference_image = Output(
        doc="Science minus template, nJy, with the corrected projection.",
        name="difference_image",
        storageClass="MaskedImageV2",
        dimensions=("instrument", "visit", "detector"),
    )
    difference_psf = Output(
        doc="PSF of the difference image; light within the flux aperture sums to 1.",
        name="difference_psf",
        storageClass="ImageV2",
        dimensions=("instrument", "visit", "detector"),
    )


class SubtractImagesConfig(PipelineTaskConfig, pipelineConnections=SubtractImagesConnections):
    """Choices of `SubtractImagesTask`."""

    min_overlap = number(
        "Share of the usable pixels that the template must cover.", default=0.2, minimum=0.0, maximum=1.0
    )
    min_snr = number("Signal to noise of a star that the kernel is fitted to.", default=50.0)
    min_template_snr = number("Its signal to noise in the template.", default=10.0)
    max_stars = count("Most stars that the kernel is fitted to.", default=60, minimum=1)
    aperture_radius = number("Radius in pixels in which a PSF sums to 1.", default=6.0, minimum=1.0)
    matching_error = number(
        "Share of a star's light that the match of PSFs may leave; added to the noise.",
        default=0.01,
        minimum=0.0,
    )
    min_streak = number("Full widths of the PSF from which on a line is a satellite's streak.", default=30.0)
    mask_growth = count("Pixels around unusable ones that are unusable too, but for cosmic rays.", default=4)


class SubtractImagesTask(PipelineTask):
    """Warp the template, make the sharper image as blurred as the other, subtract."""

    ConfigClass = SubtractImagesConfig
    _DefaultName = "subtractImages"
    config: SubtractImagesConfig

    @override
    def runQuantum(
        self,
        butlerQC: QuantumContext,
        inputRefs: InputQuantizedConnection,
        outputRefs: OutputQuantizedConnection,
    ) -> None:
        """Read, run, write."""
        inputs = butlerQC.get(inputRefs)
        outputs = self.run(
            inputs["preliminary_visit_image"],
            PsfModel(inputs["preliminary_visit_psf"].array, 0),
            inputs["single_visit_sources"],
            inputs["visit_calibration"],
            self._of_other_nights(self._seen(inputs), outputRefs.difference_image.dataId),
        )
        butlerQC.put(outputs, outputRefs)

    def _seen(self, inputs: Mapping[str, Any]) -> Iterator[MaskedImage]:
        """Read what the image shows of its templates.

        One at a time: together they may be many times the size of the image.
        """
        image = inputs["preliminary_visit_image"]
        projection = self._projection(image, inputs["visit_calibration"])
        handle: DeferredDatasetHandle
        for handle in inputs["template_coadd"]:
            parts = {"components": ("bbox", "sky_projection")}
            place = handle.get(component="components", parameters=parts)
            if place["sky_projection"] is None:
                raise UnusableImageError(f"the template {handle.dataId} has no sky projection")
            box = seen_box(place["bbox"], place["sky_projection"], projection, image.bbox.shape)
            if box is not None:
                yield handle.get(parameters={"bbox": box})

    def _of_other_nights(
        self, templates: Iterable[MaskedImage], data_id: DataCoordinate
    ) -> Iterator[MaskedImage]:
        """Leave out templates that an image of the visit's own night is a part of."""
        night = str(cast(DimensionRecord, data_id.records["visit"]).day_obs)
        for template in templates:
            if night in str(template.metadata.get("template_nights", "")).split():
                self.log.warning("A template is not used: the visit's own night is in it, %s.", night)
            else:
                yield template
            del template

    def run(
        self,
        image: MaskedImage,
        psf: PsfModel,
        sources: Table,
        calibration: dict[str, Any],
        templates: Iterable[MaskedImage],
    ) -> Struct:
        """Subtract the static sky.

        Parameters
        ----------
        image
            Science image, electrons.
        psf
            Its PSF.
        sources
            Its sources.
        calibration
            ``visit_calibration``.
        templates
            One or more of one unit; where they overlap, the first counts.

        Returns
        -------
        outputs
            ``difference_image``, ``difference_psf``, ``template_detector``.

        Raises
        ------
        UnusableImageError
            Raised if the template covers too little of the image, or no star
            is usable in both.
        """
        projection = self._projection(image, calibration)
        warped = self._warp(templates, projection, image)
        pair = make_pair(image, warped, calibration["nanojansky_per_electron"])
        stars = self._stars(sources)
        x, y = np.asarray(sources["x"], dtype=float)[stars], np.asarray(sources["y"], dtype=float)[stars]
        flux = np.asarray(sources["flux"], dtype=float)[stars]
        constant = self._in_template(pair, x, y)
        x, y, flux = x[constant], y[constant], flux[constant]
        template_psf = measure_psf(pair.template, x, y, flux, self.config.aperture_radius)
        if template_psf is None:
            raise UnusableImageError("no star to measure the template's PSF from", stars=len(x))
        result = subtract(pair, psf, template_psf, (x, y), self.config.matching_error)
        self.metadata["blurred"] = result.blurred
        self.metadata["kernel_stars"] = result.kernel.stamps
        self.metadata["kernel_sum"] = result.kernel_sum
        self.metadata["kernel_residual"] = result.kernel.residual
        return Struct(
            difference_image=self._difference(image, result, pair.unusable, projection),
            difference_psf=Image(result.psf.stamp, unit=u.dimensionless_unscaled),
            template_detector=Image(
                warped.pixels * np.float32(result.template_scale), unit=u.nJy, sky_projection=projection
            ),
        )

    def _projection(self, image: MaskedImage, calibration: dict[str, Any]) -> SkyProjection[Any]:
        if image.sky_projection is None:
            raise UnusableImageError("the image has no sky projection, so no template can be found for it")
        return calibrated_projection(image.sky_projection, calibration)

    def _warp(
        self, templates: Iterable[MaskedImage], projection: SkyProjection[Any], image: MaskedImage
    ) -> Warped:
        warped = stitch(templates, projection, (image.bbox.y.size, image.bbox.x.size))
        usable = ~any_of(image.mask)
        overlap = float(np.count_nonzero(usable & ~warped.unusable)) / max(int(np.count_nonzero(usable)), 1)
        self.metadata["template_overlap"] = overlap
        if overlap < self.config.min_overlap:
            raise UnusableImageError(
                f"the template covers {100 * overlap:.0f} % of the usable pixels", overlap=overlap
            )
        return warped

    def _stars(self, sources: Table) -> np.ndarray:
        x, y, flux = (np.asarray(sources[name], dtype=float) for name in ("x", "y", "flux"))
        good = flux > self.config.min_snr * np.asarray(sources["flux_err"])
        for name in ("flag_edge", "flag_masked", "flag_saturated", "flag_vignetted"):
            good &= ~np.asarray(sources[name])
        good &= isolated(x, y, flux, 2.5 * self.config.aperture_radius)
        chosen = np.flatnonzero(good)
        return chosen[np.argsort(-flux[chosen])][: self.config.max_stars]

    def _in_template(self, pair: Pair, x: Floats, y: Floats) -> Flags:
        """Tell which stars shine in the template too: the others moved here, or are new."""
        noise = np.sqrt(pair.template_variance)
        light = aperture_fluxes(pair.template, noise, pair.unusable, (x, y), self.config.aperture_radius)
        return np.asarray(light["flux"] > self.config.min_template_snr * light["flux_err"])

    def _difference(
        self,
        image: MaskedImage,
        difference: Difference,
        unusable: Flags,
        projection: SkyProjection[Any],
    ) -> MaskedImage:
        # Cosmic rays are filled in: little of them gets into the pixels around.
        rays = np.asarray(image.mask.get("COSMIC_RAY"), dtype=bool)
        growth = self.config.mask_growth
        unusable = (binary_dilation(unusable & ~rays, iterations=growth) if growth else unusable) | unusable
        result = MaskedImage(
            Image(np.where(unusable, np.float32(0.0), difference.pixels), unit=u.nJy),
            variance=Image(np.where(unusable, np.float32(np.nan), difference.variance), unit=u.nJy**2),
            mask_schema=image_schema(),
            sky_projection=projection,
            metadata=_plain(image.metadata),
        )
        for plane in ("BAD", "SATURATED", "NO_DATA", "VIGNETTED", "COSMIC_RAY", "INTERPOLATED"):
            result.mask.set(plane, image.mask.get(plane))
        result.mask.set("NO_DATA", unusable)
        planes = planes_of(result, ("NO_DATA", "VIGNETTED"))
        fwhm = difference.psf.fwhm
        streaks = find_streaks(planes, fwhm, self.config.min_streak * fwhm)
        result.mask.set("STREAK", streaks)
        self.metadata["streak_fraction"] = np.count_nonzero(streaks) / streaks.size
        self.metadata["masked_fraction"] = np.count_nonzero(unusable) / unusable.size
        return result


def _plain(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {name: metadata[name] for name in metadata}
