"""What no telescope should deliver and some do: a flagged result or a named failure, never a hang."""

from collections.abc import Callable

import numpy as np
import pytest
from lsst.images import MaskedImage

from prompt_pipelines.errors import UnusableImageError
from prompt_pipelines.ids import IdFactory
from prompt_pipelines.psf import gaussian_psf
from prompt_pipelines.tasks.detect_dia_sources import DetectDiaSourcesTask
from prompt_pipelines.tasks.detect_sources import DetectSourcesTask
from tests.unit.prompt_pipelines.chain import Made, catalogue, make_task, process, template_of
from tests.unit.prompt_pipelines.pictures import Sky, field, picture

pytestmark = pytest.mark.slow

SIZE = 256
FIELD = field(SIZE, 36)
EMPTY = Sky(np.zeros(0), np.zeros(0), np.zeros(0))
IDS = IdFactory(20260314, 1, 0)


def _masked(plane: str) -> MaskedImage:
    image = picture(FIELD, SIZE)
    image.mask.set(plane)
    return image


def _nan_filled() -> MaskedImage:
    image = _masked("NO_DATA")
    image.image.array = 0.0
    image.variance.array = np.nan
    return image


@pytest.mark.parametrize(
    "make",
    [lambda: _masked("BAD"), lambda: _masked("SATURATED"), _nan_filled],
    ids=["all masked", "all saturated", "NaN"],
)
def test_an_image_without_a_usable_pixel_is_named(make: Callable[[], MaskedImage]) -> None:
    with pytest.raises(UnusableImageError, match=r"only 0\.0 % of the pixels are usable"):
        make_task(DetectSourcesTask).run(make(), IDS)


def test_an_empty_sky_gives_an_empty_table_and_a_psf_that_is_a_guess() -> None:
    task = make_task(DetectSourcesTask)
    outputs = task.run(picture(EMPTY, SIZE), IDS)
    assert len(outputs.single_visit_sources) == 0
    assert task.metadata["psf_stars"] == 0


def test_an_image_without_stars_cannot_be_calibrated() -> None:
    with pytest.raises(UnusableImageError, match="0 of 0 sources are reference stars"):
        process(picture(EMPTY, SIZE), catalogue(FIELD, picture(FIELD, SIZE)), [template_of(FIELD, SIZE)])


def test_an_empty_catalogue_is_named() -> None:
    image = picture(FIELD, SIZE)
    with pytest.raises(UnusableImageError, match="are reference stars"):
        process(image, catalogue(FIELD, image)[:0], [template_of(FIELD, SIZE)])


def test_a_catalogue_of_another_band_is_named() -> None:
    image = picture(FIELD, SIZE)
    reference = catalogue(FIELD, image)
    reference.rename_column("r_flux", "g_flux")
    with pytest.raises(UnusableImageError, match="no fluxes of the band r"):
        process(image, reference, [template_of(FIELD, SIZE)])


def test_a_template_of_somewhere_else_is_named() -> None:
    image = picture(FIELD, SIZE)
    template = template_of(FIELD, SIZE)
    template.mask.set("NO_DATA")
    with pytest.raises(UnusableImageError, match="the template covers 0 %"):
        process(image, catalogue(FIELD, image), [template])


def test_no_template_is_named() -> None:
    image = picture(FIELD, SIZE)
    with pytest.raises(UnusableImageError, match="the template covers 0 %"):
        process(image, catalogue(FIELD, image), [])


def _with_streak() -> MaskedImage:
    image = picture(FIELD, SIZE)
    y, x = np.mgrid[0:SIZE, 0:SIZE]
    distance = (y - 40.0 - 0.4 * x) / np.hypot(1.0, 0.4)
    image.image.array = image.image.array + (3000.0 * np.exp(-(distance**2) / 5.0)).astype(np.float32)
    return image


def test_a_streak_makes_no_believed_source() -> None:
    made = _processed(_with_streak())
    assert len(made.dia_sources) > 10
    assert len(made.accepted()) <= 2


def test_a_saturated_star_makes_no_believed_source() -> None:
    image = picture(FIELD, SIZE)
    brightest = int(np.argmax(FIELD.flux))
    row, column = round(FIELD.y[brightest]), round(FIELD.x[brightest])
    core = np.zeros((SIZE, SIZE), dtype=bool)
    core[max(row - 4, 0) : row + 5, max(column - 4, 0) : column + 5] = True
    image.image.array[core] = 60000.0
    image.mask.set("SATURATED", core)
    assert len(_processed(image).accepted()) == 0


def test_ten_thousand_sources_are_a_named_failure() -> None:
    size = 1000
    sky = field(size, 10000)
    difference = picture(Sky(sky.x, sky.y, np.full(10000, 5000.0)), size, sky_level=0.0, sigma=1.2)
    with pytest.raises(UnusableImageError, match="at most 5000 are believed"):
        make_task(DetectDiaSourcesTask).run(
            difference, gaussian_psf(1.2 * 2.3548), np.zeros_like(difference.image.array), IDS
        )


def _processed(image: MaskedImage) -> Made:
    return process(image, catalogue(FIELD, picture(FIELD, SIZE)), [template_of(FIELD, SIZE)])
