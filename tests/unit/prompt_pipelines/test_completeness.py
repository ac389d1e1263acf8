"""The depth of an image, measured by sources that are put into copies."""

import numpy as np
import pytest

from prompt_pipelines.completeness import Differenced, depth_of, inject, recovered, threshold_of
from prompt_pipelines.psf import PsfModel
from tests.unit.prompt_pipelines.chain import NANOJANSKY_PER_ELECTRON, catalogue, process, template_of
from tests.unit.prompt_pipelines.pictures import field, picture

SIZE = 256


@pytest.fixture(scope="module")
def differenced() -> Differenced:
    sky = field(SIZE, 36)
    image = picture(sky, SIZE)
    made = process(image, catalogue(sky, image), [template_of(sky, SIZE)])
    return Differenced(
        image=made.difference_image,
        psf=PsfModel(made.difference_psf.array, 0),
        template=made.template_detector.array,
        nanojansky_per_electron=NANOJANSKY_PER_ELECTRON,
        x=np.asarray(made.dia_sources["x"], float),
        y=np.asarray(made.dia_sources["y"], float),
        believed=~np.asarray(made.dia_sources["flag_rejected"]),
    )


def test_the_measured_limit_is_that_reckoned_from_noise_and_psf(differenced: Differenced) -> None:
    rng = np.random.default_rng(11)
    before = differenced.image.image.array.copy()
    expected = threshold_of(differenced, rng)
    magnitudes, found = [], []
    for _ in range(40):
        copy = inject(differenced, rng, expected)
        magnitudes.append(copy.magnitude)
        found.append(recovered(differenced, copy))
    depth = depth_of(np.concatenate(magnitudes), np.concatenate(found), expected)
    assert depth.injected > 300
    assert depth.brightest > 0.9
    assert depth.half == pytest.approx(expected, abs=0.15)
    assert depth.half - 1.0 < depth.most < depth.half
    # The image itself is as it was.
    assert np.array_equal(before, differenced.image.image.array, equal_nan=True)


def test_a_curve_is_found_again_and_too_few_sources_tell_nothing() -> None:
    rng = np.random.default_rng(2)
    magnitude = rng.uniform(19.0, 23.0, 4000)
    found = rng.random(4000) < 0.95 / (1.0 + np.exp((magnitude - 21.5) / 0.2))
    depth = depth_of(magnitude, found, 21.2)
    assert depth.brightest == pytest.approx(0.95, abs=0.02)
    assert depth.half == pytest.approx(21.5 + 0.2 * np.log(0.95 / 0.5 - 1.0), abs=0.05)
    assert depth.most == pytest.approx(21.5 + 0.2 * np.log(0.95 / 0.9 - 1.0), abs=0.15)
    few = depth_of(magnitude[:20], found[:20], 21.2)
    assert np.isnan([few.half, few.most, few.brightest]).all()
    assert few.injected == 20
