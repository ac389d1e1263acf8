"""Steps of stored images: as fine as a sixteenth of the noise, whatever the unit."""

import astropy.units as u
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsst.daf.butler import Butler, DatasetType
from lsst.images import Image, MaskedImage

from prompt_pipelines.image_formatter import pixel_noise
from prompt_pipelines.masks import image_schema
from prompt_pipelines.repository import butler_config

SHAPE = (130, 200)


def noisy(noise: float, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(50.0 * noise, noise, SHAPE).astype(np.float32)


@given(st.floats(1e-3, 1e6), st.floats(-20.0, 20.0), st.integers(0, 100))
def test_the_noise_is_measured_on_a_slope_too(noise: float, slope: float, seed: int) -> None:
    pixels = noisy(noise, seed) + np.float32(slope * noise) * np.arange(SHAPE[1], dtype=np.float32)
    pixels[::7, 3] = np.nan
    assert pixel_noise(pixels) == pytest.approx(noise, rel=0.1)


@pytest.mark.parametrize("pixels", [np.full((5, 5), np.nan), np.ones((5, 5)), np.ones((5, 2))])
def test_where_there_is_no_noise_it_is_zero(pixels: np.ndarray) -> None:
    assert pixel_noise(pixels) == 0.0


@pytest.mark.slow
def test_an_image_comes_back_and_anyone_can_read_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    root = str(tmp_path_factory.mktemp("repository"))
    Butler.makeRepo(root, config=butler_config())
    with Butler.from_config(root, run="run") as butler:
        kind = DatasetType("difference_image", (), "MaskedImageV2", universe=butler.dimensions)
        butler.registry.registerDatasetType(kind)
        image = MaskedImage(
            Image(noisy(30.0), unit=u.electron),
            variance=Image(noisy(900.0), unit=u.electron**2),
            mask_schema=image_schema(),
        )
        image.variance.array[3, 4] = np.nan
        image.mask.set("BAD", image.image.array > 1600.0)
        ref = butler.put(image, kind)
        back = butler.get(ref)
        # A step is a sixteenth, and rounding is off by half of it at most.
        assert np.abs(back.image.array - image.image.array).max() < 0.6 * 30.0 / 16
        assert np.nanmax(np.abs(back.variance.array - image.variance.array)) < 0.6 * 900.0 / 16
        assert np.isnan(back.variance.array[3, 4])
        np.testing.assert_array_equal(back.mask.get("BAD"), image.mask.get("BAD"))
        (file,) = butler._datastore.export([ref], directory=None, transfer="direct")
        assert file.formatter == "lsst.images.formatters.GenericFormatter"
