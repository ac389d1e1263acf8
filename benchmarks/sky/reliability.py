"""How well the reliability score tells what is on the sky from what is not, on nights it has not seen.

Trains the model anew (extra ``training``), on simulated nights alone. RELIABILITY_MODEL names a file to write
it to, and RELIABILITY_VERSION says what it calls itself. With SKY_NIGHT a real night is judged too, with
sources injected. SKY_RESULTS names a folder of results, such as that of your own night: the copies in which
`completeness` puts sources are a night to learn from as well.
"""

import logging
import os
import warnings
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from benchmarks.report import table
from benchmarks.sky.labelled import Night, label, night_of_results, simulated_nights
from benchmarks.sky.real_night import observe_again
from benchmarks.sky.scenes import SCENES, observe
from benchmarks.sky.trees import train, write
from prompt_pipelines.arrays import Floats
from prompt_pipelines.reliability import TreeModel

__all__ = ["main"]

_FIRST, _NIGHTS, _FOLDS = 100, 80, 5
_KEPT = (0.9, 0.95, 0.98, 0.99)
_INJECTED = 15  # in each image of a real night

type Scored = tuple[Floats, Floats]
"""Scores of what is true, and of what is not."""


def main() -> None:
    """Train, judge, print, write."""
    warnings.simplefilter("ignore")
    logging.getLogger().setLevel(logging.ERROR)
    nights = list(simulated_nights(_FIRST, _NIGHTS))
    if results := os.environ.get("SKY_RESULTS"):
        nights.append(night_of_results(Path(results)))
    version = os.environ.get("RELIABILITY_VERSION", "trial")
    trained = train(nights, version)
    judged = {f"{len(nights)} nights, each by a model of others": _left_out(nights)}
    skies = [label(scene.name, observe(scene)) for scene in SCENES]
    judged["the skies of the benchmark sky"] = _scored(trained.model, skies)
    if folder := os.environ.get("SKY_NIGHT"):
        frames = observe_again(Path(folder), injected=_INJECTED)
        judged["a real night"] = _scored(trained.model, [label("", [frame.made]) for frame in frames])
    print(
        table(
            "false peaks below the score that keeps a share of the true ones",
            ("nights", "true", "false", *(f"{100 * share:g} % kept" for share in _KEPT), "score for 98 %"),
            [_row(name, scored) for name, scored in judged.items()],
        )
    )
    if file := os.environ.get("RELIABILITY_MODEL"):
        write(trained, Path(file))
        print(f"version {version} is in {file}, {Path(file).stat().st_size:,} bytes")


def _left_out(nights: Sequence[Night]) -> Scored:
    """Judge each night by a model that was trained on the nights of other groups."""
    numbered = sorted((number % _FOLDS, number) for number in range(len(nights)))
    parts = []
    for fold, group in groupby(numbered, key=lambda pair: pair[0]):
        others = [night for number, night in enumerate(nights) if number % _FOLDS != fold]
        parts.append(_scored(train(others, "").model, [nights[number] for _, number in group]))
    true, false = (np.concatenate(each) for each in zip(*parts, strict=True))
    return true, false


def _scored(model: TreeModel, nights: Sequence[Night]) -> Scored:
    scores = np.concatenate([model.score(night.features) for night in nights])
    is_true = np.concatenate([night.is_true for night in nights])
    return scores[is_true], scores[~is_true]


def _row(name: str, scored: Scored) -> Sequence[str]:
    true, false = scored
    below = [f"{100 * np.mean(false < np.quantile(true, 1.0 - share)):.1f} %" for share in _KEPT]
    return (name, f"{len(true):,}", f"{len(false):,}", *below, f"{np.quantile(true, 0.02):.3f}")
