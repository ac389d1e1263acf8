"""Templates: what the simulated sky looks like when nothing changes, as the mean of many exposures."""

import itertools
from collections.abc import Iterable, Iterator, Sequence

import astropy.units as u
import numpy as np
from attrs import frozen
from lsst.images import Image, MaskedImage

from domain.cameras.camera import Camera, Detector
from prompt_pipelines.masks import image_schema
from simulator.summit.night import PlannedVisit
from simulator.world.arrays import Floats
from simulator.world.optics import Pointing, pixels_of, tangent_plane
from simulator.world.photometry import SKY_MAGNITUDE, electrons_per_second, flux_from_magnitude
from simulator.world.sky import Sky
from simulator.world.skymap import Skymap
from simulator.world.stamps import add_point_sources

__all__ = ["PatchTemplate", "make_templates", "patches_seen"]

_SEEING = 0.7  # arcseconds, full width at half maximum: of the better half of all exposures
_SMALLEST_FWHM = 2.0  # pixels
_EXPOSURES = 20  # that the mean is of
_NEAR = 80  # pixels: more than the distance between the points of a patch that are looked at


@frozen(kw_only=True, eq=False)
class PatchTemplate:
    """The template of one patch in one band."""

    patch: int
    band: str
    image: MaskedImage
    """nJy, without sky brightness; with variance and projection."""


def make_templates(
    sky: Sky,
    skymap: Skymap,
    patches: Iterable[int],
    bands: Sequence[str],
    *,
    exposure_time: float,
    seed: int,
) -> Iterator[PatchTemplate]:
    """Make templates.

    Parameters
    ----------
    sky
        Whose stars are seen, variables at their mean; nothing else.
    skymap
        The grid of patches.
    patches
        Which of them.
    bands
        In which to make them.
    exposure_time
        Seconds, of each of the exposures.
    seed
        Of the noise.
    """
    centre = Pointing(ra=sky.patch.ra, dec=sky.patch.dec, sky_angle=0.0)
    background = skymap.scale**2 * float(flux_from_magnitude(SKY_MAGNITUDE))
    electrons = _EXPOSURES * exposure_time * float(electrons_per_second(1.0))  # that 1 nJy makes in all
    for patch, band in itertools.product(patches, bands):
        sources = sky.quiet(band)
        east, north = tangent_plane(centre, sources.ra, sources.dec) / skymap.scale
        box = skymap.box(patch)
        light = np.zeros(box.shape)
        add_point_sources(
            light,
            skymap.centre - east - box.x.start,
            skymap.centre + north - box.y.start,
            sources.flux,
            fwhm=max(_SEEING / skymap.scale, _SMALLEST_FWHM),
        )
        variance = (light + background) / electrons
        generator = np.random.default_rng([seed, 5, sky.bands.index(band), patch])
        pixels = light + np.sqrt(variance) * generator.standard_normal(light.shape)
        yield PatchTemplate(patch=patch, band=band, image=_image(skymap, patch, pixels, variance))


def patches_seen(skymap: Skymap, camera: Camera, visits: Iterable[PlannedVisit]) -> list[int]:
    """Find the patches on which a detector looks in any of the visits; visits without position look at none.

    Raises
    ------
    SimulatorError
        Raised if the camera does not say where its detectors are.
    """
    looks = [
        (camera.detector(number), Pointing(ra=visit.ra, dec=visit.dec, sky_angle=visit.sky_angle))
        for visit in visits
        if visit.ra is not None and visit.dec is not None and visit.sky_angle is not None
        for number in visit.detectors
    ]
    seen = []
    for patch in skymap.patches():
        ra, dec = skymap.points(patch)
        if any(_falls_on(camera, detector, pointing, ra, dec) for detector, pointing in looks):
            seen.append(patch)
    return seen


def _falls_on(camera: Camera, detector: Detector, pointing: Pointing, ra: Floats, dec: Floats) -> bool:
    x, y = pixels_of(camera, detector, pointing, ra, dec)
    nx, ny = (0, 0) if detector.type is None else (detector.type.nx, detector.type.ny)
    near = (x > -_NEAR) & (x < nx + _NEAR) & (y > -_NEAR) & (y < ny + _NEAR)
    return bool(near.any())


def _image(skymap: Skymap, patch: int, pixels: Floats, variance: Floats) -> MaskedImage:
    box = skymap.box(patch)
    return MaskedImage(
        Image(pixels.astype(np.float32), bbox=box, unit=u.nJy),
        variance=Image(variance.astype(np.float32), bbox=box, unit=u.nJy**2),
        mask_schema=image_schema(),
        sky_projection=skymap.projection(),
    )
