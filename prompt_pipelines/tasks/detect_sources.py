"""Dark pixels, cosmic rays, background, sources and point-spread function of one visit and detector."""

from typing import cast, override

import astropy.units as u
import numpy as np
from astropy.table import Table
from lsst.daf.butler import DimensionRecord
from lsst.images import Image, MaskedImage
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

from prompt_pipelines.arrays import Flags, Floats, Pixels
from prompt_pipelines.cosmics import find_cosmic_rays
from prompt_pipelines.defects import find_dark_pixels
from prompt_pipelines.detection import Background, Detections, aperture_fluxes, detect, model_background
from prompt_pipelines.errors import UnusableImageError
from prompt_pipelines.fields import count, flag, number
from prompt_pipelines.ids import IdFactory
from prompt_pipelines.interpolation import fill_in
from prompt_pipelines.masks import any_of, touches
from prompt_pipelines.positions import pixel_scale, sky_positions
from prompt_pipelines.psf import PsfModel, gaussian_psf, isolated, measure_psf

__all__ = ["DetectSourcesConfig", "DetectSourcesConnections", "DetectSourcesTask"]

_NEIGHBOUR_RADIUS = 2.5  # apertures; further neighbours do not reach into the aperture


class DetectSourcesConnections(PipelineTaskConnections, dimensions=("instrument", "visit", "detector")):
    """What `DetectSourcesTask` reads and writes."""

    post_isr_image = Input(
        doc="Calibrated image of the visit's only exposure, electrons.",
        name="post_isr_image",
        storageClass="MaskedImageV2",
        dimensions=("instrument", "exposure", "detector"),
        multiple=True,
    )
    preliminary_visit_image = Output(
        doc="The same without background and cosmic rays, sources marked in the mask, electrons.",
        name="preliminary_visit_image",
        storageClass="MaskedImageV2",
        dimensions=("instrument", "visit", "detector"),
    )
    preliminary_visit_psf = Output(
        doc="Point-spread function; light within the flux aperture sums to 1.",
        name="preliminary_visit_psf",
        storageClass="ImageV2",
        dimensions=("instrument", "visit", "detector"),
    )
    single_visit_sources = Output(
        doc="Sources with position, flux and flags.",
        name="single_visit_sources",
        storageClass="ArrowAstropy",
        dimensions=("instrument", "visit", "detector"),
    )


class DetectSourcesConfig(PipelineTaskConfig, pipelineConnections=DetectSourcesConnections):
    """Choices of `DetectSourcesTask`."""

    dark_threshold = number(
        "Times the sky's noise by which a pixel must be darker than the sky to be a defect.",
        default=8.0,
        minimum=4.0,
    )
    do_cosmic_rays = flag("Find and replace cosmic rays?", default=True)
    cosmic_ray_threshold = number("Significance of a cosmic ray.", default=5.0, minimum=2.0)
    cosmic_ray_contrast = number(
        "How much sharper than a star a cosmic ray is. In seeing of 2 pixels, 5 takes the cores of stars.",
        default=20.0,
        minimum=1.0,
    )
    cosmic_ray_iterations = count("Rounds, each growing what the last has found.", default=2, minimum=1)
    threshold = number("Detection threshold in standard deviations.", default=5.0, minimum=0.5)
    min_area = count("Fewest pixels of a source.", default=5, minimum=1)
    background_cell = count("Pixels on a side where the sky is estimated.", default=64, minimum=8)
    aperture_radius = number("Radius in pixels in which light is summed.", default=6.0, minimum=1.0)
    psf_min_snr = number("Signal to noise of a star that the PSF is measured from.", default=50.0)
    default_fwhm = number(
        "Full width in pixels of the PSF of an image without stars.", default=3.0, minimum=1.0
    )


class DetectSourcesTask(PipelineTask):
    """Take out dark pixels, cosmic rays and sky, find sources, measure them and the PSF."""

    ConfigClass = DetectSourcesConfig
    _DefaultName = "detectSources"
    config: DetectSourcesConfig

    @override
    def runQuantum(
        self,
        butlerQC: QuantumContext,
        inputRefs: InputQuantizedConnection,
        outputRefs: OutputQuantizedConnection,
    ) -> None:
        """Read, run, write."""
        images = butlerQC.get(inputRefs.post_isr_image)
        if len(images) != 1:
            raise UnusableImageError(
                f"the visit has {len(images)} exposures; only one-to-one visits can be processed"
            )
        data_id = outputRefs.single_visit_sources.dataId
        visit = cast(DimensionRecord, data_id.records["visit"])
        ids = IdFactory.of_visit(visit.day_obs, visit.seq_num, visit.id, data_id["detector"])
        butlerQC.put(self.run(images[0], ids), outputRefs)

    def run(self, image: MaskedImage, ids: IdFactory) -> Struct:
        """Find the sources of one image.

        Parameters
        ----------
        image
            Calibrated image; left as it is.
        ids
            Gives the sources their ids.

        Returns
        -------
        outputs
            ``preliminary_visit_image``, ``preliminary_visit_psf`` and
            ``single_visit_sources``, see docs/pipelines.md for the columns. No
            sources: a table of length 0, and a PSF that is a guess
            (``psf_stars`` is 0 in the task's metadata).

        Raises
        ------
        UnusableImageError
            Raised if hardly a pixel is usable, or if sources cannot be told
            apart.
        """
        image = image.copy()  # others may read the same object from a cache
        unusable = any_of(image.mask)
        background = model_background(image.image.array, unusable, self.config.background_cell)
        unusable |= self._fill_in_dark(image, unusable, background)
        if self.config.do_cosmic_rays:
            unusable |= self._remove_cosmic_rays(image, unusable)
            # Once more, without the cosmic rays.
            background = model_background(image.image.array, unusable, self.config.background_cell)
        pixels = image.image.array
        pixels -= background.level
        pixels[any_of(image.mask, ("BAD", "NO_DATA"))] = 0.0
        noise = np.sqrt(np.where(np.isfinite(image.variance.array), image.variance.array, np.float32(0.0)))
        found = detect(
            pixels, noise, unusable, threshold=self.config.threshold, min_area=self.config.min_area
        )
        image.mask.set("DETECTED", found.footprints > 0)
        catalog = self._catalog(image, noise, unusable, found, ids)
        psf = self._measure_psf(pixels, catalog)
        self.metadata["sky_level"] = background.global_level
        self.metadata["sky_noise"] = background.noise
        self.metadata["sources"] = len(catalog)
        self.metadata["masked_fraction"] = np.count_nonzero(unusable) / unusable.size
        if image.sky_projection is not None:
            self.metadata["psf_fwhm_arcsec"] = psf.fwhm * pixel_scale(image.sky_projection, image.bbox)
        return Struct(
            preliminary_visit_image=image,
            preliminary_visit_psf=Image(psf.stamp, unit=u.dimensionless_unscaled),
            single_visit_sources=catalog,
        )

    def _fill_in_dark(self, image: MaskedImage, unusable: Flags, background: Background) -> Flags:
        """Fill in pixels darker than the sky, and tell where that cannot be done.

        Beside a dead column the sky looks as sharp as a cosmic ray.
        """
        depth = self.config.dark_threshold * background.noise
        dark = find_dark_pixels(image.image.array, background.level, unusable, depth)
        filled = fill_in(image.image.array, image.variance.array, dark)
        image.mask.set("BAD", dark)
        image.mask.set("INTERPOLATED", filled)
        self.metadata["dark_pixels"] = int(np.count_nonzero(dark))
        return dark & ~filled

    def _remove_cosmic_rays(self, image: MaskedImage, unusable: Flags) -> Flags:
        rays = find_cosmic_rays(
            image.image.array,
            image.variance.array,
            unusable,
            threshold=self.config.cosmic_ray_threshold,
            contrast=self.config.cosmic_ray_contrast,
            iterations=self.config.cosmic_ray_iterations,
        )
        image.image.array = rays.cleaned
        for plane in ("COSMIC_RAY", "INTERPOLATED"):
            image.mask.set(plane, rays.mask)
        self.metadata["cosmic_ray_pixels"] = int(np.count_nonzero(rays.mask))
        return rays.mask

    def _measure_psf(self, pixels: Pixels, catalog: Table) -> PsfModel:
        x, y, flux = (np.asarray(catalog[name], dtype=float) for name in ("x", "y", "flux"))
        usable = flux > self.config.psf_min_snr * np.asarray(catalog["flux_err"])
        for name in ("flag_edge", "flag_masked", "flag_saturated", "flag_vignetted"):
            usable &= ~np.asarray(catalog[name])
        usable &= isolated(x, y, flux, _NEIGHBOUR_RADIUS * self.config.aperture_radius)
        psf = measure_psf(pixels, x[usable], y[usable], flux[usable], self.config.aperture_radius)
        if psf is None:
            self.log.warning("No star to measure the PSF from: a round Gaussian takes its place.")
            psf = gaussian_psf(self.config.default_fwhm)
        self.metadata["psf_stars"] = psf.stars
        self.metadata["psf_fwhm_pixels"] = psf.fwhm
        return psf

    def _catalog(
        self, image: MaskedImage, noise: Pixels, unusable: Flags, found: Detections, ids: IdFactory
    ) -> Table:
        objects = found.objects
        x, y = np.array(objects["x"], dtype=float), np.array(objects["y"], dtype=float)
        fluxes = aperture_fluxes(image.image.array, noise, unusable, (x, y), self.config.aperture_radius)
        ra, dec = sky_positions(image.sky_projection, x, y)
        flags = self._flags(image, x, y)
        return Table(
            {
                "id": ids.make(len(objects)),
                "x": x * u.pix,
                "y": y * u.pix,
                "ra": ra * u.deg,
                "dec": dec * u.deg,
                "flux": np.array(fluxes["flux"]) * u.electron,
                "flux_err": np.array(fluxes["flux_err"]) * u.electron,
                "peak": np.array(objects["peak"], dtype=float) * u.electron,
                "semi_major": np.array(objects["a"], dtype=float) * u.pix,
                "semi_minor": np.array(objects["b"], dtype=float) * u.pix,
                "theta": np.rad2deg(np.array(objects["theta"], dtype=float)) * u.deg,
                "n_pixels": np.array(objects["npix"], dtype=np.int32),
                "flag_edge": np.array(fluxes["edge"]),
                "flag_masked": np.array(fluxes["masked"]),
                **flags,
                "flag_blended": (np.array(objects["flag"]) & 1) != 0,
            }
        )

    def _flags(self, image: MaskedImage, x: Floats, y: Floats) -> dict[str, Flags]:
        return {
            "flag_saturated": touches(image.mask.get("SATURATED"), x, y, self.config.aperture_radius),
            "flag_vignetted": touches(image.mask.get("VIGNETTED"), x, y, 0.0),
        }
