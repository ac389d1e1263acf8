"""Pictures show what is in the pixels, the right way up."""

import asyncio
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from attrs import evolve
from PIL import Image

from adapters.console.pictures.cache import ByteCache
from adapters.console.pictures.store import NoSuchPictureError, Pictures
from adapters.console.pictures.stretch import Scale, Stretch
from adapters.memory.console.image_archive import MemoryImageArchive
from domain.results.images import ImageKind, ImagePixels, KeptImage, PixelBox
from ports.image_archive import NoSuchImageError
from tests.contract_suites.image_archive import a_kept_image, an_image

NAME = a_kept_image()


def _picture(png: bytes, mode: str = "L") -> npt.NDArray[Any]:
    return np.asarray(Image.open(io.BytesIO(png)).convert(mode))


def _pictures(image: ImagePixels, **options: int) -> Pictures:
    return Pictures(MemoryImageArchive([image]), **options)


def _with(
    change: Callable[[npt.NDArray[Any]], None], *, height: int = 1100, width: int = 1300
) -> ImagePixels:
    image = an_image(NAME, height=height, width=width)
    change(image.array)
    return image


async def test_the_lowest_row_is_at_the_bottom() -> None:
    def star(array: npt.NDArray[Any]) -> None:
        array[2, 7] = 1e5

    pictures = _pictures(_with(star, height=40, width=50))
    found = _picture(await pictures.tile(NAME, 0, 0, 0, Stretch(low=0.0, high=1e5)))
    assert found.shape == (40, 50)
    assert np.argwhere(found == 255).tolist() == [[37, 7]]


async def test_tiles_of_all_levels_make_up_the_image() -> None:
    image = _with(lambda _: None)
    pictures = _pictures(image)
    facts = await pictures.facts(NAME)
    assert (facts.width, facts.height, facts.levels) == (1300, 1100, 3)
    tiles = [[_picture(await pictures.tile(NAME, 0, column, row)) for column in range(3)] for row in range(3)]
    np.testing.assert_array_equal(np.block(tiles), facts.stretches[Scale.ASINH].greys(image.array[::-1]))
    assert _picture(await pictures.tile(NAME, 2, 0, 0)).shape == (275, 325)


async def test_a_higher_level_is_the_mean_of_the_numbers_below() -> None:
    def levels(array: npt.NDArray[Any]) -> None:
        array[:] = 100.0
        array[::2, ::2] = np.nan  # a quarter of each square
        array[:2, :2] = np.nan

    image = evolve(_with(levels, height=601, width=600), mask=None)
    found = _picture(await _pictures(image).tile(NAME, 1, 0, 0, Stretch(low=0.0, high=200.0)), "LA")
    assert found.shape == (301, 300, 2)
    assert set(found[:-1, 1:, 0].ravel()) == {128}
    assert (found[..., 1] == 0).sum() == 1  # only where there is no number at all


async def test_a_tile_that_does_not_exist_says_so() -> None:
    pictures = _pictures(_with(lambda _: None))
    for level, column, row in [(3, 0, 0), (-1, 0, 0), (0, 3, 0), (0, 0, -1), (2, 1, 0)]:
        with pytest.raises(NoSuchPictureError, match="there is no"):
            await pictures.tile(NAME, level, column, row)
        with pytest.raises(NoSuchPictureError, match="there is no"):
            await pictures.overlay(NAME, level, column, row, ["BAD"])


async def test_an_image_that_is_flat_or_has_no_numbers_is_drawn_all_the_same() -> None:
    for value in (7.0, np.nan):
        image = evolve(an_image(NAME), array=np.full((12, 10), value, np.float32))
        for scale in Scale:
            assert _picture(await _pictures(image).tile(NAME, 0, 0, 0, scale)).shape == (12, 10)


async def test_asinh_tells_faint_and_bright_apart_alike() -> None:
    array = np.random.default_rng(2).normal(0.0, 1.0, (400, 400)).astype(np.float32)
    array[:10, :100] = 400.0
    array[10:20, :100] = 800.0
    stretch = Stretch.automatic(array, Scale.ASINH)
    values = np.array([[0.0, 3.0, 400.0, 800.0]], np.float32)
    faint, brighter, bright, brightest = (int(grey) for grey in stretch.greys(values)[0])
    assert faint + 15 < brighter < bright - 20
    assert bright + 5 < brightest == 255


async def test_an_overlay_shows_the_planes_that_were_asked_for() -> None:
    pictures = _pictures(an_image(NAME))
    bad = _picture(await pictures.overlay(NAME, 0, 0, 0, ["BAD"]), "RGBA")
    assert np.unique(np.nonzero(bad[..., 3])[1]).tolist() == [2]
    saturated = _picture(await pictures.overlay(NAME, 0, 0, 0, ["SAT", "no such plane"]), "RGBA")
    assert np.argwhere(saturated[..., 3]).tolist() == [[12 - 1 - 3, 4]]
    facts = await pictures.facts(NAME)
    assert "#{:02x}{:02x}{:02x}".format(*saturated[8, 4, :3]) == facts.planes["SAT"]


async def test_one_flagged_pixel_shows_at_every_level() -> None:
    image = an_image(NAME, height=1100, width=1100)
    pictures = _pictures(image)
    found = _picture(await pictures.overlay(NAME, 2, 0, 0, ["SAT"]), "RGBA")
    assert np.argwhere(found[..., 3]).tolist() == [[274, 1]]


async def test_an_image_without_a_mask_has_an_empty_overlay() -> None:
    pictures = _pictures(evolve(an_image(NAME), mask=None, planes={}))
    assert not _picture(await pictures.overlay(NAME, 0, 0, 0, ["BAD"]), "RGBA")[..., 3].any()
    assert (await pictures.value(NAME, 4, 3)).planes == ()


async def test_a_pixel_has_value_planes_and_place() -> None:
    cards: dict[str, str | float | int] = {
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 150.0, "CRVAL2": 2.0, "CRPIX1": 5.0,
        "CRPIX2": 4.0, "CDELT1": -1e-4, "CDELT2": 1e-4,
    }  # fmt: skip
    image = evolve(an_image(NAME), wcs=cards)
    found = await _pictures(image).value(NAME, 4, 3)
    assert found.value == image.array[3, 4]
    assert found.planes == ("SAT", "DETECTED")
    assert found.ra == pytest.approx(150.0)
    assert found.dec == pytest.approx(2.0)
    with pytest.raises(NoSuchPictureError, match="10 x 12"):
        await _pictures(image).value(NAME, 10, 0)


async def test_a_thumbnail_fits_into_its_square() -> None:
    assert _picture(await _pictures(_with(lambda _: None)).thumbnail(NAME, 64)).shape == (54, 64)


async def test_cutouts_lie_side_by_side_with_grey_beyond_the_image() -> None:
    names = [a_kept_image(kind=kind) for kind in (ImageKind.CALIBRATED, ImageKind.DIFFERENCE)]
    images = [an_image(name, height=20, width=20) for name in names]
    for image in images:
        image.array[3, 1] = 1e5
    pictures = Pictures(MemoryImageArchive(images))
    found = _picture(await pictures.cutouts(names, 1.2, 2.8, size=7, zoom=2))
    assert found.shape == (14, 14 + 2 + 14)
    assert np.argwhere(found[:, :14] == 255).tolist() == [[6, 6], [6, 7], [7, 6], [7, 7]]
    assert (found[:, :4] == 128).all()  # left of the image
    assert np.array_equal(found[:, 16:], found[:, :14])


async def test_a_source_beyond_its_image_has_a_grey_cutout() -> None:
    assert (_picture(await _pictures(an_image(NAME)).cutouts([NAME], 900.0, -90.0)) == 128).all()


class _CountedArchive(MemoryImageArchive):
    reads = 0

    async def read(
        self, image: KeptImage, within: PixelBox | None = None, *, with_mask: bool = True
    ) -> ImagePixels:
        self.reads += 1
        await asyncio.sleep(0.01)
        return await super().read(image, within, with_mask=with_mask)


async def test_however_many_ask_an_image_is_read_once() -> None:
    archive = _CountedArchive([_with(lambda _: None)])
    pictures = Pictures(archive)
    leaving = asyncio.create_task(pictures.facts(NAME))
    asking = [asyncio.create_task(pictures.tile(NAME, 0, 0, 0)) for _ in range(80)]
    await asyncio.sleep(0)
    leaving.cancel()
    assert len({*await asyncio.gather(*asking)}) == 1
    assert archive.reads == 1
    await asyncio.gather(*[pictures.overlay(NAME, 0, 0, 0, ["BAD"]) for _ in range(80)])
    assert archive.reads == 2  # the mask as well


async def test_an_image_that_cannot_be_read_is_tried_again() -> None:
    archive = MemoryImageArchive()
    pictures = Pictures(archive)
    for answer in await asyncio.gather(*[pictures.facts(NAME) for _ in range(3)], return_exceptions=True):
        assert isinstance(answer, NoSuchImageError)
    archive.put(an_image(NAME))
    assert (await pictures.facts(NAME)).width == 10


async def test_images_beyond_the_memory_are_read_again() -> None:
    names = [a_kept_image(detector=detector) for detector in (4, 5)]
    archive = _CountedArchive([an_image(name, height=100, width=100) for name in names])
    pictures = Pictures(archive, capacity=100_000)  # of one image with its mask
    for name in (names[0], names[0], names[1], names[0]):
        await pictures.facts(name)
    assert archive.reads == 3


def test_the_cache_forgets_what_was_asked_for_least() -> None:
    cache = ByteCache[str](10)
    for key in "abc":
        cache.put(key, key, 3)
    assert cache.get("a") == "a"
    cache.put("d", "d", 4)
    assert [cache.get(key) for key in "abcd"] == ["a", None, "c", "d"]
    cache.put("e", "e", 11)
    assert cache.get("e") is None
    assert cache.nbytes == 10
