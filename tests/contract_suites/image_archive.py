"""What every archive of images must hold, in memory and for real."""

import abc
import asyncio

import numpy as np
import pytest
from attrs import evolve

from domain.results.images import ImageKind, ImagePixels, KeptImage, PixelBox
from ports.image_archive import ImageArchive, ImageArchiveUnavailableError, NoSuchImageError

__all__ = ["GROUP", "OTHER_GROUP", "ImageArchiveBench", "ImageArchiveContract", "a_kept_image", "an_image"]

GROUP = "2026-03-14T02:15:07.310#2"
OTHER_GROUP = "2026-03-14T02:16:09.120"
_VISITS = {GROUP: 2026031300021, OTHER_GROUP: 2026031300022}
PLANES = {"BAD": 0, "SAT": 1, "DETECTED": 5}


def a_kept_image(group: str = GROUP, detector: int = 5, kind: ImageKind = ImageKind.CALIBRATED) -> KeptImage:
    return KeptImage(group=group, visit=_VISITS[group], detector=detector, kind=kind)


def an_image(name: KeptImage, seed: int = 1, *, height: int = 12, width: int = 10) -> ImagePixels:
    """Make an image of noise in which a column is bad, and a pixel saturated and detected."""
    array = np.random.default_rng(seed).normal(100.0, 5.0, (height, width)).astype(np.float32)
    mask = np.zeros(array.shape, np.uint32)
    mask[:, 2] |= np.uint32(1 << PLANES["BAD"])
    mask[3, 4] |= np.uint32(1 << PLANES["SAT"] | 1 << PLANES["DETECTED"])
    return ImagePixels(name=name, array=array, mask=mask, planes=PLANES, unit="nJy", wcs=None, path="")


class ImageArchiveBench(abc.ABC):
    """Instrument with detectors 4 and 5, two visits, and a way to put images of them into the archive."""

    archive: ImageArchive

    @abc.abstractmethod
    def put(self, image: ImagePixels) -> None:
        """Put an image where the archive finds it."""

    @abc.abstractmethod
    def cut_off(self) -> None:
        """Make the archive unreachable."""


class ImageArchiveContract:
    """Tests of `ports.image_archive.ImageArchive`."""

    async def test_images_come_in_order(self, kept: ImageArchiveBench) -> None:
        names = [
            a_kept_image(detector=detector, kind=kind)
            for detector in (4, 5)
            for kind in (ImageKind.CALIBRATED, ImageKind.TEMPLATE, ImageKind.DIFFERENCE)
        ]
        for name in reversed(names):
            kept.put(an_image(name))
        kept.put(an_image(a_kept_image(OTHER_GROUP)))
        assert list(await kept.archive.images(GROUP)) == names
        assert list(await kept.archive.images(GROUP, 5)) == names[3:]
        assert list(await kept.archive.images(OTHER_GROUP)) == [a_kept_image(OTHER_GROUP)]

    async def test_nothing_is_kept_of_an_unknown_visit(self, kept: ImageArchiveBench) -> None:
        kept.put(an_image(a_kept_image()))
        assert list(await kept.archive.images("'; DROP TABLE exposure; --")) == []
        assert list(await kept.archive.images(GROUP, 188)) == []

    async def test_pixels_and_mask_are_those_that_were_kept(self, kept: ImageArchiveBench) -> None:
        wanted = an_image(a_kept_image())
        kept.put(wanted)
        found = await kept.archive.read(a_kept_image())
        assert found.name == wanted.name
        assert found.unit == "nJy"
        np.testing.assert_array_equal(found.array, wanted.array)
        assert wanted.mask is not None
        assert found.mask is not None
        for plane, bit in PLANES.items():
            np.testing.assert_array_equal(
                found.mask >> np.uint8(found.planes[plane]) & 1, wanted.mask >> np.uint8(bit) & 1
            )

    async def test_the_planes_are_known_without_the_mask(self, kept: ImageArchiveBench) -> None:
        wanted = an_image(a_kept_image())
        kept.put(wanted)
        found = await kept.archive.read(a_kept_image(), with_mask=False)
        np.testing.assert_array_equal(found.array, wanted.array)
        assert found.mask is None
        assert set(found.planes) == set(PLANES)

    @pytest.mark.parametrize(
        ("box", "corner", "part"),
        [
            (PixelBox(x=2, y=3, width=4, height=5), (2, 3), np.s_[3:8, 2:6]),
            (PixelBox(x=-3, y=9, width=5, height=9), (0, 9), np.s_[9:12, 0:2]),
        ],
    )
    async def test_a_part_of_an_image_is_what_lies_in_both(
        self, kept: ImageArchiveBench, box: PixelBox, corner: tuple[int, int], part: tuple[slice, slice]
    ) -> None:
        wanted = an_image(a_kept_image())
        kept.put(wanted)
        found = await kept.archive.read(a_kept_image(), box)
        assert found.corner == corner
        np.testing.assert_array_equal(found.array, wanted.array[part])
        assert found.mask is not None
        assert found.mask.shape == found.array.shape

    @pytest.mark.parametrize("x", [-20, 100])
    async def test_a_box_beyond_the_image_has_no_pixels(self, kept: ImageArchiveBench, x: int) -> None:
        kept.put(an_image(a_kept_image()))
        found = await kept.archive.read(a_kept_image(), PixelBox(x=x, y=0, width=5, height=5))
        assert found.array.size == 0

    async def test_what_is_not_there_is_named_with_what_is(self, kept: ImageArchiveBench) -> None:
        kept.put(an_image(a_kept_image(kind=ImageKind.TEMPLATE)))
        with pytest.raises(NoSuchImageError, match=r"no difference image of .*detector 5; .*template"):
            await kept.archive.read(a_kept_image(kind=ImageKind.DIFFERENCE))

    async def test_an_image_is_found_by_its_exposure_alone(self, kept: ImageArchiveBench) -> None:
        name = a_kept_image(OTHER_GROUP)
        kept.put(an_image(name))
        found = await kept.archive.read(evolve(name, group=""))
        assert np.array_equal(found.array, an_image(name).array)
        with pytest.raises(NoSuchImageError):
            await kept.archive.read(evolve(name, group="", visit=1))

    async def test_what_comes_later_is_found(self, kept: ImageArchiveBench) -> None:
        kept.put(an_image(a_kept_image()))
        assert len(await kept.archive.images(GROUP)) == 1
        kept.put(an_image(a_kept_image(kind=ImageKind.DIFFERENCE)))
        assert len(await kept.archive.images(GROUP)) == 2

    async def test_each_of_many_at_once_gets_its_own(self, kept: ImageArchiveBench) -> None:
        wanted = [an_image(a_kept_image(detector=detector), detector) for detector in (4, 5)]
        for one in wanted:
            kept.put(one)
        found = await asyncio.gather(*[kept.archive.read(one.name) for one in wanted * 10])
        for one, other in zip(wanted * 10, found, strict=True):
            np.testing.assert_array_equal(one.array, other.array)

    async def test_an_archive_that_is_away_says_so(self, kept: ImageArchiveBench) -> None:
        kept.put(an_image(a_kept_image()))
        kept.cut_off()
        with pytest.raises(ImageArchiveUnavailableError):
            await kept.archive.images(GROUP)
