"""Train the trees of the reliability score, and write them out as arrays."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from attrs import frozen

from benchmarks.sky.labelled import Night
from prompt_pipelines.arrays import Floats
from prompt_pipelines.dia_features import FEATURES
from prompt_pipelines.reliability import TreeModel

__all__ = ["Trained", "train", "write"]

_TREES, _DEPTH, _RATE, _SAMPLED, _FEWEST = 200, 4, 0.08, 0.7, 8
_SEED = 20260314
_RECORDED = 50  # peaks


@frozen(eq=False, kw_only=True)
class Trained:
    """A model, and what the library that trained it makes of some peaks."""

    model: TreeModel
    features: Floats
    scores: Floats


def train(nights: Sequence[Night], version: str) -> Trained:
    """Fit boosted trees to the peaks of nights; what is true counts as much as what is false."""
    from sklearn.ensemble import GradientBoostingClassifier  # noqa: PLC0415 - of the extra "training"

    features = np.concatenate([night.features for night in nights])
    is_true = np.concatenate([night.is_true for night in nights])
    share = np.clip(is_true.mean(), 0.01, 0.99)
    machine = GradientBoostingClassifier(
        n_estimators=_TREES,
        max_depth=_DEPTH,
        learning_rate=_RATE,
        subsample=_SAMPLED,
        min_samples_leaf=_FEWEST,
        max_features="sqrt",
        random_state=_SEED,
    )
    machine.fit(
        features.astype(np.float32),
        is_true,
        sample_weight=np.where(is_true, 0.5 / share, 0.5 / (1.0 - share)),
    )
    trees = [one.tree_ for one in machine.estimators_[:, 0]]
    size = max(tree.node_count for tree in trees)
    model = TreeModel(
        version=version,
        # The weights are balanced, so the boosting begins with even chances.
        baseline=0.0,
        feature=_padded([tree.feature for tree in trees], size, np.int16, -1),
        threshold=_padded([tree.threshold for tree in trees], size, np.float32, 0),
        left=_padded([tree.children_left for tree in trees], size, np.int16, 0),
        right=_padded([tree.children_right for tree in trees], size, np.int16, 0),
        value=_padded([_RATE * tree.value[:, 0, 0] for tree in trees], size, np.float32, 0),
    )
    some = features[:: max(len(features) // _RECORDED, 1)]
    return Trained(model=model, features=some, scores=machine.predict_proba(some.astype(np.float32))[:, 1])


def write(trained: Trained, file: Path) -> None:
    """Write a model as `prompt_pipelines.reliability` reads it."""
    model = trained.model
    names = ("feature", "threshold", "left", "right", "value")
    np.savez_compressed(
        file,
        features=np.array(FEATURES),
        version=np.array(model.version),
        baseline=np.array(model.baseline),
        recorded_features=trained.features,
        recorded_scores=trained.scores,
        **{name: getattr(model, name) for name in names},
    )


def _padded(rows: Sequence[np.ndarray], size: int, kind: type[np.generic], filling: int) -> np.ndarray:
    table = np.full((len(rows), size), filling, dtype=kind)
    for row, values in zip(table, rows, strict=True):
        row[: len(values)] = values
    return table
