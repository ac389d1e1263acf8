"""What is told of how good a visit and detector is."""

import numpy as np
import pytest

from prompt_pipelines.tasks.measure_quality import MeasureQualityTask
from tests.unit.prompt_pipelines.chain import (
    NANOJANSKY_PER_ELECTRON,
    catalogue,
    make_task,
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
    quality = (
        make_task(MeasureQualityTask)
        .run(
            made.tasks["detectSources"].metadata,
            made.visit_calibration,
            made.tasks["subtractImages"].metadata,
            made.tasks["detectDiaSources"].metadata,
            made.dia_sources,
        )
        .visit_quality
    )
    assert quality["seeing_arcsec"] == pytest.approx(1.8 * 2.3548 * SCALE, rel=0.05)
    assert quality["background_electrons"] == pytest.approx(300.0, rel=0.02)
    assert quality["masked_fraction"] == pytest.approx(1.0 / 16.0, abs=0.002)
    assert quality["difference_masked_fraction"] > quality["masked_fraction"]
    assert quality["zero_point_mag"] == pytest.approx(
        31.4 - 2.5 * np.log10(NANOJANSKY_PER_ELECTRON), abs=0.02
    )
    assert quality["photometric_scatter_mag"] < 0.05
    assert quality["astrometric_scatter_arcsec"] < 0.1
    assert quality["sources"] >= 30
    assert quality["kernel_stars"] >= 10
    assert quality["dia_sources"]["positive"] == 1
    assert quality["dia_sources"]["negative"] == 0
    assert quality["dia_sources"]["rejected"] == quality["dia_sources"]["flagged"]["rejected"]
    assert None not in quality.values()
