"""Which DiaSources are believed: what is on the sky, and only that."""

import numpy as np
import pytest
from astropy.table import Table
from lsst.images import MaskedImage

from prompt_pipelines.dia_significance import measure_significance
from prompt_pipelines.masks import planes_of
from prompt_pipelines.psf import PsfModel
from tests.unit.prompt_pipelines.chain import Made, catalogue, process, template_of
from tests.unit.prompt_pipelines.pictures import Sky, field, picture

pytestmark = pytest.mark.slow

SIZE = 256
FIELD = field(SIZE, 36)
REFERENCE = catalogue(FIELD, picture(FIELD, SIZE))
NEW = (110.4, 150.2)


def _process(image: MaskedImage, template: MaskedImage | None = None) -> Made:
    return process(image, REFERENCE, [template or template_of(FIELD, SIZE)])


def _at(sources: Table, x: float, y: float) -> Table:
    return sources[np.hypot(sources["x"] - x, sources["y"] - y) < 0.5]


@pytest.mark.parametrize(("science_sigma", "depth"), [(1.3, 10.0), (1.6, 1.0), (2.2, 1.0), (2.2, 10.0)])
def test_signal_to_noise_means_that(science_sigma: float, depth: float) -> None:
    """Whichever image is blurred, and however deep the template is."""
    made = _process(picture(FIELD, SIZE, sigma=science_sigma), template_of(FIELD, SIZE, depth=depth))
    image = made.difference_image
    significance = measure_significance(
        planes_of(image, ("NO_DATA",)), PsfModel(made.difference_psf.array, 0)
    )
    y, x = np.indices((SIZE, SIZE))
    empty = significance.known.copy()
    for star in zip(FIELD.x, FIELD.y, strict=True):
        empty &= np.hypot(x - star[0], y - star[1]) > 14
    assert significance.noise_scale == pytest.approx(1.0, abs=0.12)
    assert np.std(significance.score[empty]) == pytest.approx(1.0, abs=0.03)


def test_a_cosmic_ray_across_a_new_star_flags_it_and_does_not_take_it_away() -> None:
    image = picture(FIELD.and_also(*NEW, 20000.0), SIZE)
    y, x = round(NEW[1]) + 4, round(NEW[0])
    image.image.array[y, x - 3 : x + 4] += 15000.0
    (found,) = _at(_process(image).accepted(), *NEW)
    assert found["flag_cosmic_ray"]


def test_a_bright_source_is_believed_though_the_psf_is_not_exact() -> None:
    wider = picture(
        Sky(*np.array([[NEW[0]], [NEW[1]], [400_000.0]])), SIZE, sky_level=0.0, sigma=1.75, seed=None
    )
    image = picture(FIELD, SIZE)
    image.image.array += wider.image.array
    image.variance.array += wider.variance.array
    assert len(_at(_process(image).accepted(), *NEW)) == 1


def test_the_edges_of_a_ghost_are_no_sources() -> None:
    image = picture(FIELD, SIZE)
    y, x = np.indices((SIZE, SIZE))
    away = np.hypot(x - 150.0, y - 100.0)
    image.image.array += (150.0 / (1.0 + np.exp((away - 35.0) / 3.0))).astype(np.float32)
    made = _process(image)
    assert len(made.dia_sources) > 0
    assert len(made.accepted()) == 0


def test_what_shines_beside_a_dead_column_that_no_flat_told_of_is_believed() -> None:
    """Left as it is, the column is dark in the difference and rejects what is around it."""
    image = picture(FIELD.and_also(*NEW, 2500.0), SIZE)
    column = round(NEW[0]) + 15
    electrons = np.random.default_rng(3).normal(5.0, 6.0, SIZE).astype(np.float32)
    image.image.array[:, column], image.variance.array[:, column] = electrons, np.float32(41.0)
    made = _process(image)
    assert len(_at(made.accepted(), *NEW)) == len(made.accepted()) == 1
    assert made.preliminary_visit_image.mask.get("BAD")[:, column].all()


def test_the_shadow_of_dust_is_no_defect() -> None:
    """Where no flat corrects it, its surroundings are dark too."""
    image = picture(FIELD, SIZE)
    y, x = np.indices((SIZE, SIZE))
    away = np.hypot(x - NEW[0], y - NEW[1])
    image.image.array -= (200.0 / (1.0 + np.exp(away - 12.0))).astype(np.float32)
    assert not _process(image).preliminary_visit_image.mask.get("BAD").any()
