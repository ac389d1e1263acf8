"""Peaks of difference images of which it is known whether something on the sky is there."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from attrs import frozen

import prompt_processing
from benchmarks.sky.chain import Subtracted, Truth, make_task
from benchmarks.sky.scenes import Scene, observe
from prompt_pipelines.arrays import Flags, Floats
from prompt_pipelines.completeness import Differenced, Injected
from prompt_pipelines.dia_features import FEATURES
from prompt_pipelines.errors import UnusableImageError
from prompt_pipelines.tasks.detect_dia_sources import DetectDiaSourcesTask

__all__ = ["Night", "label", "night_of_results", "simulated_nights"]

_SAME = 2.5  # pixels


@frozen(kw_only=True, eq=False)
class Night:
    """Of one sky, one camera, one weather."""

    name: str
    features: Floats
    """Rows of `prompt_pipelines.dia_features.FEATURES`."""
    is_true: Flags


def simulated_nights(first_seed: int, count: int) -> Iterator[Night]:
    """Simulate nights as different from one another as nights are."""
    for seed in range(first_seed, first_seed + count):
        scene = _draw_scene(seed)
        yield label(scene.name, observe(scene))


def label(name: str, images: Iterable[Subtracted]) -> Night:
    """Find the peaks of a night's images, and tell by the truth what they are."""
    features, is_true = [np.zeros((0, len(FEATURES)))], [np.zeros(0, dtype=bool)]
    for image in _usable(iter(images).__next__):
        found = make_task(DetectDiaSourcesTask).measure(image.image, image.psf, image.template)
        x, y = found.peaks.x, found.peaks.y
        away = np.hypot(x[:, None] - image.truth.x, y[:, None] - image.truth.y)
        nearest = np.zeros(len(x), dtype=bool)
        if away.size:
            closest = away.argmin(axis=0)
            nearest[closest[away.min(axis=0) <= _SAME]] = True
        # A second peak upon something true is neither the one nor the other.
        clear = nearest | (away.min(axis=1, initial=np.inf) > _SAME)
        unknown = image.unknown
        if unknown is not None:
            apart = np.hypot(x[:, None] - unknown.x, y[:, None] - unknown.y).min(axis=1, initial=np.inf)
            clear &= nearest | (apart > _SAME)
        features.append(found.features[clear])
        is_true.append(nearest[clear])
    return Night(name=name, features=np.concatenate(features), is_true=np.concatenate(is_true))


def night_of_results(folder: Path, seed: int = 1) -> Night:
    """Put sources into copies of a night's difference images, as `completeness` does; they are what is true.

    What the night found itself and believed may be either, and is left out.
    """
    with prompt_processing.open(folder) as results:
        copies = results.injected_copies(seed)
        return label(folder.name, (_subtracted(one, copy) for one, copy in copies))


def _subtracted(one: Differenced, copy: Injected) -> Subtracted:
    noise = np.full(len(copy.x), np.nan)
    own = Truth(x=one.x[one.believed], y=one.y[one.believed], snr=np.full(int(one.believed.sum()), np.nan))
    truth = Truth(x=copy.x, y=copy.y, snr=noise)
    return Subtracted(image=copy.image, psf=one.psf, template=one.template, truth=truth, unknown=own)


def _usable(following: Callable[[], Subtracted]) -> Iterator[Subtracted]:
    """Go through images; a night ends at one of which nothing can be made."""
    while True:
        try:
            yield following()
        except (StopIteration, UnusableImageError):
            return


def _draw_scene(seed: int) -> Scene:
    rng = np.random.default_rng((seed, 18))
    fwhm = float(np.exp(rng.uniform(np.log(1.7), np.log(6.5))))
    return Scene(
        name=f"night {seed}",
        seed=seed,
        fwhm=fwhm,
        template_fwhm=float(np.clip(fwhm * rng.uniform(0.75, 1.3), 1.7, 7.0)),
        stars=round(10.0 ** rng.uniform(1.4, 3.1)),
        sky=float(10.0 ** rng.uniform(1.5, 3.5)),
        exposure_time=float(10.0 ** rng.uniform(1.2, 3.0)),
        variation=float(rng.uniform(0.0, 0.25) * (rng.random() < 0.5)),
        jitter=float(rng.uniform(0.0, 0.3) * (rng.random() < 0.5)),
        hot_pixels=int(rng.integers(0, 30)),
        satellites=int(rng.integers(0, 2)),
        ghosts=int(rng.integers(0, 5)),
        variables=12,
        upon_stars=True,
    )
