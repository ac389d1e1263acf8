"""How likely a DiaSource is something on the sky: a score of 0 to 1 by a trained model.

The shipped model is gradient-boosted trees, written out as arrays, so that a worker needs no library of
machine learning. `python -m benchmarks reliability` trains it. A model in ONNX may take its place.
"""

import functools
import io
from importlib import import_module
from importlib.resources import files
from typing import Any, Protocol, override

import numpy as np
from attrs import frozen
from lsst.resources import ResourcePath

from prompt_pipelines.arrays import Floats
from prompt_pipelines.dia_features import FEATURES
from prompt_pipelines.errors import PromptPipelinesError

__all__ = ["LONGEST_VERSION", "OnnxModel", "ReliabilityError", "ReliabilityModel", "TreeModel", "load_model"]

_SHIPPED = "reliability.npz"
LONGEST_VERSION = 7
"""Characters of it, in the APDB."""


class ReliabilityError(PromptPipelinesError):
    """A model of reliability cannot be used."""


class ReliabilityModel(Protocol):
    """Scores sources."""

    @property
    def version(self) -> str:
        """At most seven characters, for the APDB."""
        ...

    def score(self, features: Floats) -> Floats:
        """Score rows of `prompt_pipelines.dia_features.FEATURES`: 1 is surely on the sky, 0 surely not."""
        ...


@frozen(eq=False, kw_only=True)
class TreeModel(ReliabilityModel):
    """Boosted trees, one in each row of the arrays; the logit is the sum of their leaves."""

    version: str
    baseline: float
    feature: np.ndarray
    """Number of the feature that a node asks for; -1 for a leaf."""
    threshold: np.ndarray
    """Not above it: to the left."""
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray
    """Of a leaf."""

    @override
    def score(self, features: Floats) -> Floats:
        trees = np.arange(len(self.feature))[None, :]
        rows = np.arange(len(features))[:, None]
        node = np.zeros((len(features), len(self.feature)), dtype=np.intp)
        given = features.astype(np.float32)
        while ((asked := self.feature[trees, node]) >= 0).any():
            goes_left = given[rows, asked] <= self.threshold[trees, node]
            child = np.where(goes_left, self.left[trees, node], self.right[trees, node])
            node = np.where(asked >= 0, child, node)
        logit = self.baseline + self.value[trees, node].sum(axis=1)
        return np.asarray(1.0 / (1.0 + np.exp(-logit)))


@frozen(eq=False, kw_only=True)
class OnnxModel(ReliabilityModel):
    """A model in ONNX: its one input is ``[sources, features]`` in float32, its last output the score."""

    version: str
    session: Any
    """Of onnxruntime."""

    @override
    def score(self, features: Floats) -> Floats:
        if not len(features):
            return np.zeros(0)
        (given,) = self.session.get_inputs()
        scores = np.asarray(self.session.run(None, {given.name: features.astype(np.float32)})[-1])
        scores = scores.reshape(len(features), -1)[:, -1].astype(float)
        return np.asarray(np.clip(np.nan_to_num(scores), 0.0, 1.0))


@functools.cache
def load_model(uri: str | None = None) -> ReliabilityModel:
    """Load the shipped model, or the one of that URI, once for each process.

    Raises
    ------
    ReliabilityError
        Raised if that is no model for these features, or onnxruntime is not installed.
    """
    return _shipped() if uri is None else _from_onnx(uri)


def _shipped() -> TreeModel:
    content = (files("prompt_pipelines") / _SHIPPED).read_bytes()
    with np.load(io.BytesIO(content)) as arrays:
        if tuple(arrays["features"]) != FEATURES:
            raise ReliabilityError(
                f"the shipped {_SHIPPED} is of other features than this version measures: train it again"
            )
        nodes = {name: arrays[name] for name in ("feature", "threshold", "left", "right", "value")}
        return TreeModel(version=str(arrays["version"]), baseline=float(arrays["baseline"]), **nodes)


def _from_onnx(uri: str) -> OnnxModel:
    try:
        runtime = import_module("onnxruntime")
    except ImportError as error:
        raise ReliabilityError(
            f"the reliability model {uri} needs onnxruntime: pip install 'prompt-processing[onnx]'"
        ) from error
    try:
        session = runtime.InferenceSession(ResourcePath(uri).read())
    except Exception as error:  # whatever resources and onnxruntime raise
        raise ReliabilityError(f"cannot load the reliability model {uri}: {error}") from error
    inputs = session.get_inputs()
    width = inputs[0].shape[-1] if len(inputs) == 1 and inputs[0].shape else None
    if len(inputs) != 1 or (isinstance(width, int) and width != len(FEATURES)):
        raise ReliabilityError(
            f"the reliability model {uri} must have one input of {len(FEATURES)} features a source, "
            f"not {[(one.name, one.shape) for one in inputs]}"
        )
    version = session.get_modelmeta().custom_metadata_map.get("version", "onnx")
    return OnnxModel(version=version[:LONGEST_VERSION], session=session)
