"""Names of `prompt_pipelines` that stand in repositories, which outlive releases: they do not move."""

import re
from pathlib import Path

import pytest
from lsst.utils import doImportType

from entrypoints.containers.parts.deployment import INSTALL
from prompt_pipelines.repository import butler_config

_NAME = re.compile(r"prompt_pipelines(?:\.[A-Za-z_]\w*)+")
_STORED = frozenset(
    {
        "prompt_pipelines.formatters.RawFrameFormatter",
        "prompt_pipelines.image_formatter.ImageFormatter",
        "prompt_pipelines.instruments.SimCam",
        "prompt_pipelines.raw.RawFrame",
        "prompt_pipelines.tasks.associate.AssociateTask",
        "prompt_pipelines.tasks.calibrate_visit.CalibrateVisitTask",
        "prompt_pipelines.tasks.detect_dia_sources.DetectDiaSourcesTask",
        "prompt_pipelines.tasks.detect_sources.DetectSourcesTask",
        "prompt_pipelines.tasks.isr.IsrTask",
        "prompt_pipelines.tasks.load_dia_objects.LoadDiaObjectsTask",
        "prompt_pipelines.tasks.match_known_bodies.MatchKnownBodiesTask",
        "prompt_pipelines.tasks.predict_known_bodies.PredictKnownBodiesTask",
        "prompt_pipelines.tasks.measure_quality.MeasureQualityTask",
        "prompt_pipelines.tasks.prepare_association.PrepareAssociationTask",
        "prompt_pipelines.tasks.subtract_images.SubtractImagesTask",
    }
)


def _named() -> set[str]:
    """List what a new repository's configuration and the shipped pipelines name."""
    pipelines = (INSTALL / "prompt_pipelines" / "pipelines").rglob("*.yaml")
    texts = [str(butler_config()), *(Path(file).read_text() for file in pipelines)]
    return {name for text in texts for name in _NAME.findall(text)}


def test_what_repositories_hold_is_listed() -> None:
    named = _named()
    assert "prompt_pipelines.tasks.isr.IsrTask" in named, f"no pipelines are shipped in {INSTALL}"
    assert named <= _STORED


@pytest.mark.parametrize("name", sorted(_STORED))
def test_what_a_repository_of_today_names_is_there(name: str) -> None:
    assert doImportType(name)
