"""What is fitted to every peak of a difference image, once: flags and the reliability score go by it."""

from attrs import frozen
from lsst.images import Mask

from prompt_pipelines.arrays import Floats, Planes
from prompt_pipelines.psf import PsfFit, PsfModel, PsfShift, fit_fluxes, fit_shifts

__all__ = ["DiaFits", "Searched", "fit_peaks"]


@frozen(eq=False, kw_only=True)
class Searched:
    """A difference image as it is searched."""

    difference: Planes
    template: Planes
    """What was subtracted, with the difference's noise."""
    mask: Mask
    psf: PsfModel


@frozen(eq=False, kw_only=True)
class DiaFits:
    """Fits of the PSF at the same places."""

    fixed: PsfFit
    """At the place itself."""
    whole: PsfShift
    """With a shift allowed for."""
    core: PsfShift
    """The same, close to the middle only."""
    wide: PsfFit
    """Farther out, with a sky of its own."""
    host: PsfFit
    """To the template."""


def fit_peaks(
    image: Searched,
    places: tuple[Floats, Floats],
    *,
    radius: float,
    core_radius: float,
    sky_radius: float,
) -> DiaFits:
    """Fit the PSF in several ways at given places; radii in pixels."""
    x, y = places
    difference, psf = image.difference, image.psf
    return DiaFits(
        fixed=fit_fluxes(difference, psf, x, y, radius),
        whole=fit_shifts(difference, psf, x, y, radius),
        core=fit_shifts(difference, psf, x, y, core_radius),
        wide=fit_fluxes(difference, psf, x, y, sky_radius, with_sky=True),
        host=fit_fluxes(image.template, psf, x, y, radius),
    )
