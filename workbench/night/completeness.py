"""How deep the images of a repository are, and what is kept of that: a run of its own, in no chain."""

import datetime
import itertools
import logging
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from astropy.table import Table
from attrs import asdict, evolve, field, frozen
from lsst.daf.butler import Butler, DatasetRef, DatasetType

from prompt_pipelines.arrays import Floats
from prompt_pipelines.completeness import (
    Depth,
    Differenced,
    Injected,
    depth_of,
    inject,
    recovered,
    threshold_of,
)
from prompt_pipelines.errors import PromptPipelinesError
from prompt_pipelines.psf import PsfModel
from workbench.pace import Pace

__all__ = ["DATASET", "ImageDepth", "depth_table", "injected_copies", "measured_depths", "store_depths"]

_log = logging.getLogger(__name__)

DATASET = "visit_completeness"
_DIMENSIONS = ("instrument", "visit", "detector")
_NEEDED = ("difference_psf", "template_detector", "visit_calibration", "dia_sources")


@frozen(kw_only=True)
class ImageDepth:
    """How deep one image is."""

    visit: int
    detector: int
    physical_filter: str
    depth: Depth
    magnitude: Floats = field(eq=False, repr=False)
    """Of each source that was put in, and whether it was found."""
    found: np.ndarray = field(eq=False, repr=False)


def measured_depths(
    butler: Butler, collections: Sequence[str], instrument: str, *, copies: int, seed: int, pace: Pace
) -> Sequence[ImageDepth]:
    """Put sources into copies of all difference images, and find them; nothing is written.

    Parameters
    ----------
    butler
        Of the repository.
    collections
        Of the outputs, the first with an image counts.
    instrument
        Whose.
    copies
        Of each image.
    seed
        Of what is random.
    pace
        Told of each copy.
    """
    refs = _images(butler, collections, instrument)
    found = []
    for ref in refs:
        one = _differenced(butler, collections, ref)
        if one is not None:
            rng = _generator(seed, ref)
            found.append(_measured(one, ref, rng, (copies, len(refs) * copies), pace))
    return found


def injected_copies(
    butler: Butler, collections: Sequence[str], instrument: str, *, seed: int
) -> Iterator[tuple[Differenced, Injected]]:
    """Make a copy of each difference image with sources in it, as `measured_depths` searches them.

    Parameters
    ----------
    butler, collections, instrument, seed
        As of `measured_depths`.
    """
    for ref in _images(butler, collections, instrument):
        one = _differenced(butler, collections, ref)
        rng = _generator(seed, ref)
        if one is not None and math.isfinite(expected := threshold_of(one, rng)):
            yield one, inject(one, rng, expected)


def _images(butler: Butler, collections: Sequence[str], instrument: str) -> Sequence[DatasetRef]:
    with butler.query() as query:
        images = query.datasets("difference_image", collections, find_first=True)
        return sorted(
            images.where(instrument=instrument).with_dimension_records(),
            key=lambda ref: (int(ref.dataId["visit"]), int(ref.dataId["detector"])),
        )


def _generator(seed: int, ref: DatasetRef) -> np.random.Generator:
    return np.random.default_rng((seed, int(ref.dataId["visit"]), int(ref.dataId["detector"])))


def _differenced(butler: Butler, collections: Sequence[str], ref: DatasetRef) -> Differenced | None:
    """Read an image and what belongs to it; None, with a warning, if something is missing."""
    missing = [
        name for name in _NEEDED if butler.find_dataset(name, ref.dataId, collections=collections) is None
    ]
    if missing:
        _log.warning("left out %s: there is no %s", _named(ref), ", ".join(missing))
        return None
    psf, template, calibration, sources = (
        butler.get(name, ref.dataId, collections=collections) for name in _NEEDED
    )
    return Differenced(
        image=butler.get(ref),
        psf=PsfModel(psf.array, 0),
        template=template.array,
        nanojansky_per_electron=float(calibration["nanojansky_per_electron"]),
        x=np.asarray(sources["x"], dtype=float),
        y=np.asarray(sources["y"], dtype=float),
        believed=~np.asarray(sources["flag_rejected"], dtype=bool),
    )


def _measured(
    one: Differenced, ref: DatasetRef, rng: np.random.Generator, copies: tuple[int, int], pace: Pace
) -> ImageDepth:
    """Measure one image by so many copies of so many in all."""
    expected = threshold_of(one, rng)
    magnitude, found = [np.zeros(0)], [np.zeros(0, dtype=bool)]
    for _ in range(copies[0]):
        pace.step("copies of images searched", copies[1])
        if not math.isfinite(expected):
            continue
        copy = inject(one, rng, expected)
        try:
            found.append(recovered(one, copy))
        except PromptPipelinesError as error:
            _log.warning("a copy of %s tells nothing: %s", _named(ref), error)
        else:
            magnitude.append(copy.magnitude)
    magnitudes, is_found = np.concatenate(magnitude), np.concatenate(found)
    return ImageDepth(
        visit=int(ref.dataId["visit"]),
        detector=int(ref.dataId["detector"]),
        physical_filter=str(ref.dataId["physical_filter"]),
        depth=depth_of(magnitudes, is_found, expected),
        magnitude=magnitudes,
        found=is_found,
    )


def _named(ref: DatasetRef) -> str:
    return f"visit {ref.dataId['visit']}, detector {ref.dataId['detector']}"


def depth_table(images: Sequence[ImageDepth]) -> Table:
    """Sum up the images of each detector and filter.

    Returns
    -------
    depths
        ``detector``, ``filter``, ``images``, ``injected``, ``found``, ``half`` and ``most`` (AB magnitudes at
        which half and nine tenths are found), ``expected`` (the first, reckoned from the noise of the sky and
        the PSF), ``brightest`` (share that is found however bright).
    """
    names = ("detector", "filter", "images", "injected", "found", "half", "most", "expected", "brightest")
    rows = list(_rows(images))
    return Table(rows=rows, names=names) if rows else Table(names=names)


def _rows(images: Sequence[ImageDepth]) -> Iterator[tuple[Any, ...]]:
    ordered = sorted(images, key=lambda one: (one.detector, one.physical_filter))
    for key, group in itertools.groupby(ordered, key=lambda one: (one.detector, one.physical_filter)):
        members = [one for one in group if math.isfinite(one.depth.expected)]
        if members:
            depth = _together(members)
            values = (depth.half, depth.most, depth.expected, depth.brightest)
            yield (*key, len(members), depth.injected, depth.found, *values)


def _together(images: Sequence[ImageDepth]) -> Depth:
    """Fit all, each against what is expected of it."""
    usual = float(np.median([one.depth.expected for one in images]))
    offsets = np.concatenate([one.magnitude - one.depth.expected for one in images])
    depth = depth_of(offsets, np.concatenate([one.found for one in images]), 0.0)
    return evolve(depth, half=depth.half + usual, most=depth.most + usual, expected=usual)


def store_depths(repository: str, instrument: str, images: Sequence[ImageDepth], pace: Pace) -> str:
    """Keep the depth of each image as a dataset, in a run of its own.

    Returns
    -------
    run
        Its name.
    """
    now = datetime.datetime.now(datetime.UTC)
    run = f"{instrument}/completeness/{now:%Y%m%dT%H%M%SZ}"
    with pace.unbroken(), Butler.from_config(repository, writeable=True) as butler:
        kind = DatasetType(DATASET, _DIMENSIONS, "StructuredDataDict", universe=butler.dimensions)
        butler.registry.registerDatasetType(kind)
        butler.collections.register(run)
        with butler.transaction():
            for one in images:
                data_id = {"instrument": instrument, "visit": one.visit, "detector": one.detector}
                butler.put(_plain(one.depth), kind, data_id, run=run)
    return run


def _plain(depth: Depth) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in asdict(depth).items()
    }
