"""What is told of how good a visit and detector is."""

from typing import Any

import numpy as np
import pytest
from lsst.pex.config import FieldValidationError

from domain.work.quality import MEASURES, Quality
from prompt_pipelines.tasks.measure_quality import MeasureQualityTask
from tests.unit.prompt_pipelines.chain import (
    NANOJANSKY_PER_ELECTRON,
    Made,
    catalogue,
    process,
    template_of,
)
from tests.unit.prompt_pipelines.pictures import SCALE, field, picture

pytestmark = pytest.mark.slow

SIZE = 256
FIELD = field(SIZE, 36)


def test_measures_are_those_of_the_picture() -> None:
    image = picture(FIELD.and_also(110.4, 150.2, 20000.0), SIZE, sky_level=300.0, sigma=1.8)
    bad = np.zeros((SIZE, SIZE), dtype=bool)
    bad[:, :16] = True
    image.mask.set("BAD", bad)
    made = process(image, catalogue(FIELD, image), [template_of(FIELD, SIZE)])
    quality = _measured(made, _config())
    assert quality["seeing_arcsec"] == pytest.approx(1.8 * 2.3548 * SCALE, rel=0.05)
    assert quality["background_electrons"] == pytest.approx(300.0, rel=0.02)
    assert quality["masked_fraction"] == pytest.approx(1.0 / 16.0, abs=0.002)
    assert quality["difference_masked_fraction"] > quality["masked_fraction"]
    assert quality["zero_point_mag"] == pytest.approx(
        31.4 - 2.5 * np.log10(NANOJANSKY_PER_ELECTRON), abs=0.02
    )
    assert quality["photometric_scatter_mag"] < 0.05
    assert quality["zero_point_gradient_mag"] < 0.05
    assert quality["astrometric_scatter_arcsec"] < 0.1
    assert quality["sources"] >= 30
    assert quality["kernel_stars"] >= 10
    assert quality["dia_sources"]["positive"] == 1
    assert quality["dia_sources"]["negative"] == 0
    assert quality["dia_sources"]["rejected"] == quality["dia_sources"]["flagged"]["rejected"]
    assert quality["dia_sources"]["unreliable"] == quality["dia_sources"]["flagged"]["unreliable"]
    assert sum(quality["dia_sources"]["reliability"].values()) == 1
    assert quality["streak_fraction"] == 0.0
    assert Quality.of(quality).known.keys() == MEASURES.keys()
    assert None not in quality.values()
    assert quality["held"] == []

    limits = _config()
    limits.at_most = {"seeing_arcsec": 1.0, "dia_sources.positive": 0.0, "photometric_scatter_mag": 0.5}
    limits.at_least = {"kernel_stars": 500.0, "zero_point_mag": 25.0}
    positive, seeing, stars = _measured(made, limits)["held"]
    assert positive == "dia_sources.positive is 1, at most 0 is allowed"
    assert seeing.startswith("seeing_arcsec is 2.")
    assert seeing.endswith("at most 1 is allowed")
    assert stars.endswith("at least 500 is allowed")


def test_a_limit_of_nothing_that_is_measured_is_refused() -> None:
    config = _config()
    config.at_least = {"seing_arcsec": 1.0}
    with pytest.raises(FieldValidationError, match="no measure is called seing_arcsec"):
        config.validate()


def _config() -> Any:
    kind: Any = MeasureQualityTask.ConfigClass
    return kind()


def _measured(made: Made, config: Any) -> dict[str, Any]:
    config.validate()
    tasks = (made.tasks[name].metadata for name in ("detectSources", "subtractImages", "detectDiaSources"))
    detection, subtraction, difference = tasks
    outputs = MeasureQualityTask(config=config).run(
        detection, made.visit_calibration, subtraction, difference, made.dia_sources
    )
    return dict(outputs.visit_quality)
