"""Giving DiaSources their DiaObjects, and measuring the objects that are known."""

from typing import Any

import numpy as np
import pandas as pd
from astropy.table import Table
from attrs import frozen
from lsst.images import SkyProjection

from prompt_pipelines.arrays import Floats, Planes
from prompt_pipelines.positions import pixel_positions
from prompt_pipelines.psf import PsfModel, fit_fluxes
from prompt_pipelines.sky_matching import match_one_to_one

__all__ = ["ForcedPhotometry", "ObjectsOnImage", "find_object_ids", "objects_on_image"]

type _Flux = tuple[Floats, Floats]
"""Values and errors, nJy."""


@frozen(eq=False)
class ForcedPhotometry:
    """Where fluxes are measured at given positions, nJy."""

    difference: Planes
    difference_psf: PsfModel
    science: Planes
    science_psf: PsfModel
    radius: float
    """Pixels around a position that the PSF is fitted to."""

    def at(self, x: Floats, y: Floats) -> tuple[_Flux, _Flux]:
        """Measure in the difference and in the science image."""
        difference = fit_fluxes(self.difference, self.difference_psf, x, y, self.radius)
        science = fit_fluxes(self.science, self.science_psf, x, y, self.radius)
        return (difference.flux, difference.flux_err), (science.flux, science.flux_err)


@frozen(eq=False)
class ObjectsOnImage:
    """Objects that lie on an image."""

    rows: pd.DataFrame
    """``diaObjectId``, ``ra``, ``dec``."""
    x: Floats
    y: Floats


def find_object_ids(sources: Table, objects: pd.DataFrame, radius: float) -> np.ndarray:
    """Find each source's object; a source without one starts its own, with its own id.

    Parameters
    ----------
    sources
        With ``id``, ``ra``, ``dec``.
    objects
        With ``diaObjectId``, ``ra``, ``dec``.
    radius
        Largest distance, arcsec. The closest pairs are made first, and no
        object gets two sources.
    """
    matches = match_one_to_one(
        (np.asarray(sources["ra"], dtype=float), np.asarray(sources["dec"], dtype=float)),
        (objects["ra"].to_numpy(dtype=float), objects["dec"].to_numpy(dtype=float)),
        radius,
    )
    object_ids = np.array(sources["id"], dtype=np.int64)
    object_ids[matches.first] = objects["diaObjectId"].to_numpy(dtype=np.int64)[matches.second]
    return object_ids


def objects_on_image(
    known: pd.DataFrame, sources: pd.DataFrame, projection: SkyProjection[Any], shape: tuple[int, int]
) -> ObjectsOnImage:
    """List the objects that lie on an image: those known before, and those that `sources` starts.

    Parameters
    ----------
    known
        With ``diaObjectId``, ``ra``, ``dec``.
    sources
        Rows of DiaSource.
    projection, shape
        Of the image.
    """
    columns = ["diaObjectId", "ra", "dec"]
    new = sources[~sources["diaObjectId"].isin(known["diaObjectId"])]
    parts = [part[columns] for part in (known, new) if len(part)]
    rows = pd.concat(parts, ignore_index=True) if parts else known[columns]
    x, y = pixel_positions(projection, rows["ra"].to_numpy(float), rows["dec"].to_numpy(float))
    inside = (x > -0.5) & (x < shape[1] - 0.5) & (y > -0.5) & (y < shape[0] - 0.5)
    return ObjectsOnImage(rows[inside].reset_index(drop=True), x[inside], y[inside])
