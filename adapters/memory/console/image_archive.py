"""Images of a night, in memory."""

from collections.abc import Iterable, Sequence

import numpy as np
from attrs import evolve

from domain.results.images import ImagePixels, KeptImage, PixelBox
from ports.image_archive import ImageArchiveUnavailableError, NoSuchImageError

__all__ = ["MemoryImageArchive"]


class MemoryImageArchive:
    """`ports.image_archive.ImageArchive` of images that are given to it.

    `outage` is for tests: while it is not blank, the archive cannot be reached for that reason.
    """

    def __init__(self, images: Iterable[ImagePixels] = ()) -> None:
        self.outage = ""
        self._images: dict[KeptImage, ImagePixels] = {}
        for image in images:
            self.put(image)

    def put(self, image: ImagePixels) -> None:
        """Keep an image."""
        self._images[image.name] = image

    async def images(self, group: str, detector: int | None = None) -> Sequence[KeptImage]:
        """See `ports.image_archive.ImageArchive.images`."""
        self._check()
        return sorted(
            (one for one in self._images if one.group == group and detector in (None, one.detector)),
            key=lambda one: one.place,
        )

    async def read(
        self, image: KeptImage, within: PixelBox | None = None, *, with_mask: bool = True
    ) -> ImagePixels:
        """See `ports.image_archive.ImageArchive.read`."""
        self._check()
        if not image.group:
            image = next((one for one in self._images if evolve(one, group="") == image), image)
        if image not in self._images:
            kinds = ", ".join(one.kind for one in await self.images(image.group, image.detector))
            raise NoSuchImageError(f"there is no {image}; there are {kinds or 'none'}")
        whole = self._images[image]
        if not with_mask:
            whole = evolve(whole, mask=None)
        return whole if within is None else _part(whole, within)

    def _check(self) -> None:
        if self.outage:
            raise ImageArchiveUnavailableError(f"images: {self.outage}")


def _part(image: ImagePixels, box: PixelBox) -> ImagePixels:
    left, low = max(box.x, 0), max(box.y, 0)
    part = np.s_[low : max(box.y + box.height, low), left : max(box.x + box.width, left)]
    mask = None if image.mask is None else image.mask[part]
    return evolve(image, array=image.array[part], mask=mask, corner=(left, low))
