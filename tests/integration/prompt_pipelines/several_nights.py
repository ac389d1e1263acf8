"""Nights of the tiny camera's first detector: images as the single-frame pipeline leaves them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import astropy.time
import astropy.units as u
import numpy as np
from astropy.table import Table
from attrs import frozen
from lsst.daf.butler import (  # type: ignore[attr-defined]  # CollectionType is public, not marked as such
    Butler,
    CollectionType,
    DatasetType,
    Timespan,
)
from lsst.images import Box, DetectorFrame, Image, MaskedImage, SkyProjection
from lsst.sphgeom import HtmPixelization, LonLat, UnitVector3d

from domain.runs import chain, output_run
from prompt_pipelines.camera import find_detector
from prompt_pipelines.ids import IdFactory
from prompt_pipelines.instrument import CameraInstrument
from prompt_pipelines.masks import image_schema
from prompt_pipelines.positions import image_region, pixel_positions, sky_positions
from prompt_pipelines.repository import butler_config, input_dataset_types
from prompt_pipelines.tangent_plane import TangentPlane
from prompt_pipelines.tasks.detect_sources import DetectSourcesTask
from prompt_pipelines.wcs import Pointing, geometry_header, make_projection
from tests.unit.prompt_pipelines import tiny_camera as tiny
from tests.unit.prompt_pipelines.chain import make_task

__all__ = ["INSTRUMENT", "NANOJANSKY_PER_ELECTRON", "SUPERNOVA", "Field", "Nights"]

INSTRUMENT = "TinyCam"
NANOJANSKY_PER_ELECTRON = 2.5
SUPERNOVA = 8000.0  # electrons
_BOX = Box.from_shape((tiny.NY, tiny.NX))
_OUTPUTS = {
    "preliminary_visit_image": "MaskedImageV2",
    "preliminary_visit_psf": "ImageV2",
    "single_visit_sources": "ArrowAstropy",
}


@frozen
class Field:
    """Where the telescope looks."""

    ra: float
    dec: float

    def stars(self, seed: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return right ascension, declination (degrees) and electrons of its stars."""
        rng = np.random.default_rng(seed)
        steps = np.arange(-3, 4) * 9.0
        places = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2) + rng.uniform(-3, 3, (49, 2))
        return *TangentPlane(self.ra, self.dec).to_sky(places), 10 ** rng.uniform(3.9, 4.8, 49)

    def projection(self, east: float, north: float, sky_angle: float) -> SkyProjection[Any]:
        """Make the projection of a visit that looks so many arcseconds beside it."""
        ra, dec = TangentPlane(self.ra, self.dec).to_sky(np.array([[east, north]]))
        camera = tiny.tiny_camera()
        detector = find_detector(camera, 0)
        # The detector's middle is to be there, not the camera's.
        detector["x_mm"], detector["y_mm"] = 0.0, 0.0
        header = geometry_header(camera, detector, Pointing(float(ra[0]), float(dec[0]), sky_angle))
        frame = DetectorFrame(instrument=INSTRUMENT, detector=0, bbox=_BOX)
        return make_projection(header, frame)


class Nights:
    """A repository to which nights are added."""

    def __init__(self, root: Path) -> None:
        self.root = root
        Butler.makeRepo(str(root), config=butler_config())
        self.projections: dict[int, SkyProjection[Any]] = {}
        """Of each visit."""
        self._rng = np.random.default_rng(11)
        with self.butler() as butler:
            CameraInstrument.for_camera(tiny.tiny_camera()).register(butler.registry)
            for dataset_type in input_dataset_types(butler.dimensions).values():
                butler.registry.registerDatasetType(dataset_type)
            for name, kind in _OUTPUTS.items():
                butler.registry.registerDatasetType(
                    DatasetType(name, ("instrument", "visit", "detector"), kind, universe=butler.dimensions)
                )

    def butler(self) -> Butler:
        """Open it."""
        return Butler.from_config(str(self.root), writeable=True)

    def describe(self) -> None:
        """Put the description of the camera, as masters come with it."""
        with self.butler() as butler:
            run = f"{INSTRUMENT}/described"
            butler.collections.register(run)
            butler.put(tiny.tiny_camera(), "camera", {"instrument": INSTRUMENT}, run=run)

    def add_catalogue(self, fields: Iterable[Field]) -> None:
        """Put the fields' stars into the reference catalogue."""
        with self.butler() as butler:
            butler.collections.register("refcats/given")
            butler.collections.register("refcats", CollectionType.CHAINED)
            butler.collections.redefine_chain("refcats", ["refcats/given"])
            for first, field in enumerate(fields):
                ra, dec, flux = field.stars()
                light = flux * NANOJANSKY_PER_ELECTRON * u.nJy
                ids = np.arange(len(ra)) + 1000 * first
                stars = Table({"id": ids, "ra": ra * u.deg, "dec": dec * u.deg, "r_flux": light})
                mesh = HtmPixelization(7)
                index = np.array(
                    [
                        mesh.index(UnitVector3d(LonLat.fromDegrees(*map(float, place))))
                        for place in zip(ra, dec, strict=True)
                    ]
                )
                for htm7 in np.unique(index):
                    data_id = {"htm7": int(htm7)}
                    butler.put(stars[index == htm7], "reference_catalogue", data_id, run="refcats/given")

    def add(
        self,
        field: Field,
        night: int,
        visits: int,
        *,
        supernova: float = 0.0,
        seq_num: int = 1,
        sky: float = 300.0,
    ) -> list[int]:
        """Add visits of a night: near the field, each turned otherwise; return their numbers.

        Parameters
        ----------
        supernova
            Electrons of a star in the field's middle that the catalogue does not know.
        """
        added = []
        for number in range(seq_num, seq_num + visits):
            east, north = 3.0 * np.cos(number), 3.0 * np.sin(1.7 * number)
            projection = field.projection(east, north, 25.0 * number)
            image = self._image(field, projection, supernova, sky)
            visit = self._put(night, number, image, projection)
            self.projections[visit] = projection
            added.append(visit)
        return added

    def _image(
        self, field: Field, projection: SkyProjection[Any], supernova: float, sky: float
    ) -> MaskedImage:
        ra, dec, flux = field.stars()
        x, y = pixel_positions(projection, np.append(ra, field.ra), np.append(dec, field.dec))
        stars = tuple(
            tiny.Star(*map(float, star)) for star in zip(x, y, np.append(flux, supernova), strict=True)
        )
        light = tiny.electrons(stars, sky=sky)
        variance = light + tiny.READ_NOISE**2
        pixels = light + np.sqrt(variance) * self._rng.standard_normal(light.shape)
        return MaskedImage(
            Image(pixels.astype(np.float32), unit=u.electron),
            variance=Image(variance.astype(np.float32), unit=u.electron**2),
            mask_schema=image_schema(),
            sky_projection=cast(Any, projection),
        )

    def _put(self, night: int, seq_num: int, image: MaskedImage, projection: SkyProjection[Any]) -> int:
        visit = night * 100000 + seq_num
        made = make_task(DetectSourcesTask).run(image, IdFactory(night, seq_num, 0))
        text = str(night)
        day = f"{text[:4]}-{text[4:6]}-{text[6:]}"
        run = output_run(chain(INSTRUMENT, day), "SingleFrame.yaml", "deployed")
        begin = astropy.time.Time(f"{day}T12:15:07", scale="tai") + seq_num * 40.0 * u.s
        ids = {"instrument": INSTRUMENT}
        with self.butler() as butler:
            insert = butler.registry.insertDimensionData
            insert("day_obs", {**ids, "id": night}, skip_existing=True)
            record = {"id": visit, "name": f"TC_{visit}", "physical_filter": "r_tiny", "day_obs": night}
            span = Timespan(begin, begin + 30.0 * u.s)
            region = image_region(projection, _BOX)
            facts = {"seq_num": seq_num, "exposure_time": 30.0, "timespan": span, "region": region}
            insert("visit", {**ids, **record, **facts})
            insert("visit_detector_region", {**ids, "visit": visit, "detector": 0, "region": region})
            butler.collections.register(run)
            for name in _OUTPUTS:
                butler.put(getattr(made, name), name, {**ids, "visit": visit, "detector": 0}, run=run)
        return visit

    def outputs_of(self, night: int) -> str:
        """Name the run of a night's images."""
        text = str(night)
        return output_run(
            chain(INSTRUMENT, f"{text[:4]}-{text[4:6]}-{text[6:]}"), "SingleFrame.yaml", "deployed"
        )

    def shown(self, visit: int, by: Iterable[int], margin: float = 0.0) -> float:
        """Say what share of a visit's image at least three others show, so many pixels from their edges."""
        x, y = (
            values.ravel() for values in np.meshgrid(np.arange(0.0, tiny.NX, 2), np.arange(0.0, tiny.NY, 2))
        )
        ra, dec = sky_positions(self.projections[visit], x, y)
        seen = np.zeros(len(x))
        for other in by:
            at = pixel_positions(self.projections[other], ra, dec)
            within = [
                (one >= margin) & (one < size - margin)
                for one, size in zip(at, (tiny.NX, tiny.NY), strict=True)
            ]
            seen += within[0] & within[1]
        return float(np.mean(seen >= 3))


def places(projection: SkyProjection[Any], field: Field) -> tuple[float, float]:
    """Find the pixel of a field's middle."""
    x, y = pixel_positions(projection, np.array([field.ra]), np.array([field.dec]))
    return float(x[0]), float(y[0])
