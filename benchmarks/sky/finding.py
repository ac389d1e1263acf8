"""How much of what changed is found, by its signal to noise, and how much is found that is nothing.

Skies are simulated in memory; with SKY_NIGHT a real night is processed too.
"""

import logging
import os
import warnings
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.report import table
from benchmarks.sky.chain import Found, find
from benchmarks.sky.real_night import RealFrame, observe_again, others_that_move
from benchmarks.sky.scenes import SCENES, Scene, observe
from prompt_pipelines.arrays import Floats
from prompt_pipelines.dia_significance import measure_significance
from prompt_pipelines.masks import planes_of

__all__ = ["main"]

_BINS = ((4, 7), (7, 10), (10, 20), (20, 50), (50, 400))
_SAME, _CLOSE = 2.5, 0.25  # pixels
_EMPTY = 15.0  # pixels from what is found or new
_BRIGHT = 1.3  # times the sky's variance


def main() -> None:
    """Measure, and print tables."""
    warnings.simplefilter("ignore")
    logging.getLogger().setLevel(logging.ERROR)
    rows = [_scene_row(scene, [find(one) for one in observe(scene)]) for scene in SCENES]
    print(
        table(
            "found of new sources on simulated skies, by signal to noise",
            ("sky", "PSFs", *(f"{low} to {high}" for low, high in _BINS), "false", "width", "at 3 sigma"),
            rows,
            (
                "PSFs: full widths in pixels of the searched images and of the template's",
                "false: accepted sources that are nothing, on all images of 512 x 512",
                "width: of signal to noise at empty places, by 16 and 84 %; by 0.1 and 99.9 % (1 is normal)",
            ),
        ),
        flush=True,
    )
    if folder := os.environ.get("SKY_NIGHT"):
        print(_night_table(list(observe_again(Path(folder)))))
    else:
        print("(SKY_NIGHT names no folder of a real night)\n")


def _scene_row(scene: Scene, found: Sequence[Found]) -> Sequence[str]:
    snr = np.concatenate([one.truth.snr for one in found])
    is_found = np.concatenate([one.distances() for one in found]) <= _SAME
    shares = []
    for low, high in _BINS:
        among = (snr >= low) & (snr < high)
        shares.append(f"{np.count_nonzero(is_found & among)} of {np.count_nonzero(among)}")
    low, high, lowest, highest = np.percentile(
        np.concatenate([_empty_places(one) for one in found]), (15.865, 84.135, 0.135, 99.865)
    )
    false = " + ".join(str(len(one.false())) for one in found)
    widths = (f"{(high - low) / 2:.3f}", f"{(highest - lowest) / 6:.3f}")
    return (scene.name, f"{scene.fwhm:g}, {scene.template_fwhm:g}", *shares, false, *widths)


def _empty_places(found: Found) -> Floats:
    planes = planes_of(found.image, ("NO_DATA", "VIGNETTED"))
    significance = measure_significance(planes, found.psf)
    empty = significance.known & (planes.variance < _BRIGHT * np.median(planes.variance[significance.known]))
    rows, columns = np.indices(empty.shape)
    x, y = (np.append(found.sources[name], getattr(found.truth, name)) for name in ("x", "y"))
    for place in zip(x, y, strict=True):
        empty &= np.hypot(columns - place[0], rows - place[1]) > _EMPTY
    return significance.score[empty].astype(float)


def _night_table(frames: Sequence[RealFrame]) -> str:
    distances = defaultdict(list)
    for frame in frames:
        for name, distance in zip(frame.names, frame.found.distances(), strict=True):
            distances[name].append(distance)
    rows = [
        (
            name,
            f"{sum(each <= _SAME for each in its)} of {len(its)}",
            f"{sum(each <= _CLOSE for each in its)}",
        )
        for name, its in distances.items()
    ]
    moving = others_that_move(frames)
    false = [len(one.found.false()) - moving.get((one.number, one.detector), 0) for one in frames]
    note = (
        f"others that move on a line, in 6 exposures or more: {sum(moving.values())} detections",
        f"false on {len(frames)} visit-detectors: {np.median(false):g} at the median, {max(false)} at worst, "
        f"{np.mean(false):.2f} on average",
    )
    return table("a real night", ("", "found", f"within {_CLOSE:g} pixel"), rows, note)
