"""The reliability score: what the shipped model says, and a model of one's own in its place."""

import io
import sys
from importlib.resources import files
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from lsst.images import MaskedImage

from prompt_pipelines.dia_features import FEATURES
from prompt_pipelines.ids import IdFactory
from prompt_pipelines.psf import PsfModel
from prompt_pipelines.reliability import OnnxModel, ReliabilityError, load_model
from prompt_pipelines.tasks.detect_dia_sources import DetectDiaSourcesTask
from tests.unit.prompt_pipelines.chain import Made, catalogue, make_task, process, template_of
from tests.unit.prompt_pipelines.pictures import field, picture

SIZE = 256
FIELD = field(SIZE, 36)
REFERENCE = catalogue(FIELD, picture(FIELD, SIZE))
NEW = (110.4, 150.2)


def _score(sources: Table, x: float, y: float) -> float:
    """Tell the highest score around a place."""
    near = np.hypot(sources["x"] - x, sources["y"] - y) < 4.0
    assert near.any()
    return float(sources["reliability"][near].max())


def _process(image: MaskedImage, template: MaskedImage | None = None) -> Made:
    return process(image, REFERENCE, [template or template_of(FIELD, SIZE)])


def test_the_shipped_model_scores_as_the_library_that_trained_it() -> None:
    content = (files("prompt_pipelines") / "reliability.npz").read_bytes()
    assert len(content) < 2_000_000
    with np.load(io.BytesIO(content)) as arrays:
        recorded, scores = arrays["recorded_features"], arrays["recorded_scores"]
    assert len(scores) >= 20
    assert scores.min() < 0.05
    assert scores.max() > 0.95
    np.testing.assert_allclose(load_model().score(recorded), scores, atol=1e-4)


def test_no_sources_have_no_scores() -> None:
    assert load_model().score(np.zeros((0, len(FEATURES)))).shape == (0,)


@pytest.mark.slow
@pytest.mark.parametrize("electrons", [2500.0, 20_000.0, 200_000.0])
def test_a_new_star_scores_high(electrons: float) -> None:
    made = _process(picture(FIELD.and_also(*NEW, electrons), SIZE))
    assert _score(made.dia_sources, *NEW) > 0.9
    assert set(made.dia_sources["reliability_version"]) == {load_model().version}


@pytest.mark.slow
def test_what_is_nothing_on_the_sky_scores_low() -> None:
    """A hot pixel and a particle that nobody noticed, a star that is not where it was, an edge."""
    template = template_of(FIELD.and_also(60.8, 190.2, 30_000.0), SIZE)
    made = _process(picture(FIELD.and_also(60.3, 190.2, 30_000.0), SIZE), template)
    difference = made.difference_image
    pixels, noise = difference.image.array, float(np.sqrt(np.nanmedian(difference.variance.array)))
    pixels[150, 110] += 40.0 * noise
    for step in range(9):
        pixels[100 + step, 40 + step // 2] += 25.0 * noise
    pixels[200:, 200:] += 6.0 * noise
    sources = (
        make_task(DetectDiaSourcesTask)
        .run(
            difference,
            PsfModel(made.difference_psf.array, 0),
            made.template_detector.array,
            IdFactory(20260314, 1, 0),
        )
        .dia_sources
    )
    for x, y in ((110, 150), (42, 104), (60.5, 190.2)):
        assert _score(sources, x, y) < 0.5
    edge = (sources["x"] > 195) & (sources["y"] > 195)
    assert edge.any()
    assert np.median(sources["reliability"][edge]) < 0.5


class _Session:
    """What onnxruntime makes of a file whose content is a number: that score, whatever the features are."""

    def __init__(self, content: bytes) -> None:
        self._score = float(content)

    def get_inputs(self) -> list[Any]:
        return [SimpleNamespace(name="features", shape=[None, len(FEATURES) if self._score < 2 else 3])]

    def get_modelmeta(self) -> Any:
        return SimpleNamespace(custom_metadata_map={"version": "ours-2026"})

    def run(self, _outputs: None, given: dict[str, np.ndarray]) -> list[np.ndarray]:
        count = len(given["features"])
        return [np.zeros(count), np.tile([1.0 - self._score, self._score], (count, 1))]


def test_a_model_in_onnx_takes_the_place_of_the_shipped_one(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", SimpleNamespace(InferenceSession=_Session))
    (tmp_path / "a.onnx").write_text("0.25")
    model = load_model(str(tmp_path / "a.onnx"))
    assert isinstance(model, OnnxModel)
    assert model.version == "ours-20"
    assert model.score(np.zeros((3, len(FEATURES)))).tolist() == [0.25] * 3


@pytest.mark.parametrize(
    ("content", "installed", "reason"),
    [("2", True, "one input of"), ("none", True, "cannot load"), ("0.5", False, "pip install")],
)
def test_a_model_that_cannot_be_used_is_named_with_the_reason(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, content: str, reason: str, *, installed: bool
) -> None:
    runtime = SimpleNamespace(InferenceSession=_Session) if installed else None
    monkeypatch.setitem(sys.modules, "onnxruntime", runtime)  # None: as if not installed
    (tmp_path / "b.onnx").write_text(content)
    with pytest.raises(ReliabilityError, match=reason) as caught:
        load_model(str(tmp_path / "b.onnx"))
    assert "b.onnx" in str(caught.value)
