"""Background and sources of one visit and detector."""

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
from scipy.ndimage import maximum_filter

from prompt_pipelines.detection import Detections, aperture_fluxes, detect, model_background
from prompt_pipelines.errors import UnusableImageError
from prompt_pipelines.fields import count, number
from prompt_pipelines.ids import IdFactory
from prompt_pipelines.masks import any_of

__all__ = ["DetectSourcesConfig", "DetectSourcesConnections", "DetectSourcesTask"]


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
        doc="The same without its background, sources marked in the mask, electrons.",
        name="preliminary_visit_image",
        storageClass="MaskedImageV2",
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

    threshold = number("Detection threshold in standard deviations.", default=5.0, minimum=0.5)
    min_area = count("Fewest pixels of a source.", default=5, minimum=1)
    background_cell = count("Pixels on a side where the sky is estimated.", default=64, minimum=8)
    aperture_radius = number("Radius in pixels in which light is summed.", default=6.0, minimum=1.0)


class DetectSourcesTask(PipelineTask):
    """Subtract the sky, find sources, measure them."""

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
        ids = IdFactory(visit.day_obs, visit.seq_num, data_id["detector"])
        butlerQC.put(self.run(images[0], ids), outputRefs)

    def run(self, image: MaskedImage, ids: IdFactory) -> Struct:
        """Find the sources of one image.

        Parameters
        ----------
        image
            Calibrated image; changed in place: its background goes, its
            mask's ``DETECTED`` is set.
        ids
            Gives the sources their ids.

        Returns
        -------
        outputs
            ``preliminary_visit_image`` and ``single_visit_sources``, see
            docs/pipelines.md for the columns. No sources: a table of length 0.

        Raises
        ------
        UnusableImageError
            Raised if hardly a pixel is usable, or if sources cannot be told
            apart.
        """
        pixels = image.image.array
        unusable = any_of(image.mask)
        background = model_background(pixels, unusable, self.config.background_cell)
        pixels -= background.level
        pixels[unusable] = 0.0
        noise = np.sqrt(np.where(np.isfinite(image.variance.array), image.variance.array, np.float32(0.0)))
        found = detect(
            pixels, noise, unusable, threshold=self.config.threshold, min_area=self.config.min_area
        )
        image.mask.set("DETECTED", found.footprints > 0)
        self.metadata["sky_level"] = background.global_level
        self.metadata["sky_noise"] = background.noise
        self.metadata["sources"] = len(found.objects)
        return Struct(
            preliminary_visit_image=image,
            single_visit_sources=self._catalog(image, noise, unusable, found, ids),
        )

    def _catalog(
        self,
        image: MaskedImage,
        noise: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
        unusable: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
        found: Detections,
        ids: IdFactory,
    ) -> Table:
        objects = found.objects
        x, y = np.array(objects["x"], dtype=float), np.array(objects["y"], dtype=float)
        fluxes = aperture_fluxes(image.image.array, noise, unusable, (x, y), self.config.aperture_radius)
        ra, dec = sky_positions(image, x, y)
        table = Table(
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
                "flag_saturated": touches(image.mask.get("SATURATED"), x, y, self.config.aperture_radius),
                "flag_vignetted": touches(image.mask.get("VIGNETTED"), x, y, 0.0),
                "flag_blended": (np.array(objects["flag"]) & 1) != 0,
            }
        )
        table.meta["instrument_flux_unit"] = str(image.unit)
        return table


def sky_positions(image: Image | MaskedImage, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute right ascension and declination (degrees); NaN where the image has no projection."""
    if image.sky_projection is None:
        return np.full(x.shape, np.nan), np.full(x.shape, np.nan)
    sky = image.sky_projection.pixel_to_sky(x=x, y=y)
    return np.asarray(sky.ra.deg), np.asarray(sky.dec.deg)


def touches(plane: np.ndarray, x: np.ndarray, y: np.ndarray, radius: float) -> np.ndarray:
    """Tell which positions have a set pixel within a square of half-width `radius` around them."""
    rows, columns = plane.shape
    near = plane
    if radius > 0 and plane.any():
        size = 2 * int(np.ceil(radius)) + 1
        near = maximum_filter(plane, size=size)
    row = np.clip(np.rint(y).astype(int), 0, rows - 1)
    column = np.clip(np.rint(x).astype(int), 0, columns - 1)
    return np.asarray(near[row, column])
