"""Pictures of an archive's images, made as they are asked for."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import numpy as np
from attrs import field, frozen

from adapters.console.pictures.cache import ByteCache
from adapters.console.pictures.levels import TILE, Levels
from adapters.console.pictures.png import plane_colour, side_by_side, thumbnail_png
from adapters.console.pictures.sky import Sky
from adapters.console.pictures.stretch import Pixels, Scale, Stretch
from domain.errors import PromptProcessingError
from domain.results.images import ImagePixels, KeptImage, PixelBox
from ports.image_archive import ImageArchive

__all__ = ["NoSuchPictureError", "PictureFacts", "Pictures", "PixelValue"]

_CAPACITY: Final = 1 << 30
_READ_AT_ONCE: Final = 2
_LARGEST_CUTOUT: Final = 257  # pixels from edge to edge
_LARGEST_ZOOM: Final = 16


class NoSuchPictureError(PromptProcessingError):
    """There is no such tile, level, pixel or size."""


@frozen(kw_only=True)
class PictureFacts:
    """What a viewer has to know before it asks for tiles."""

    width: int
    height: int
    levels: int
    """Level 0 has all pixels; each higher one half as many from edge to edge, the last fits into one tile."""
    tile: int
    """Pixels of a tile from edge to edge. Tile 0, 0 of each level is that at the upper left."""
    stretches: Mapping[Scale, Stretch]
    """Limits found by zscale."""
    planes: Mapping[str, str]
    """From the name of a mask plane to its colour, ``#rrggbb``."""
    unit: str
    path: str
    has_sky: bool
    nanojansky: float | None
    """Of one unit, if the image is calibrated and its unit does not say so."""


@frozen(kw_only=True)
class PixelValue:
    """One pixel."""

    value: float
    """NaN if it has no number."""
    planes: tuple[str, ...]
    """Of the mask, those that it has."""
    ra: float | None
    """Degrees ICRS, of its centre; None if it is not known where the image is on the sky."""
    dec: float | None
    """Degrees ICRS."""


@frozen(kw_only=True, eq=False)
class _Prepared:
    levels: Levels
    facts: PictureFacts
    sky: Sky | None
    turn: asyncio.Lock = field(factory=asyncio.Lock)
    """Of who reads its mask."""


class Pictures:
    """Makes pictures in threads, and keeps the images they were made of within a bound of memory.

    However many ask for an image at once, it is read once. All methods raise what
    `ports.image_archive.ImageArchive.read` raises, and `NoSuchPictureError` if there is an image, but no such
    part of it.

    Parameters
    ----------
    archive
        Of the images.
    capacity
        Bytes of memory for images that were read.
    """

    def __init__(self, archive: ImageArchive, capacity: int = _CAPACITY) -> None:
        self._archive = archive
        self._images = ByteCache[_Prepared](capacity)
        self._small = ByteCache[bytes](capacity // 32)
        self._reading: dict[KeptImage, asyncio.Task[_Prepared]] = {}
        self._slots = asyncio.Semaphore(_READ_AT_ONCE)

    async def facts(self, image: KeptImage) -> PictureFacts:
        """Say how large an image is, and how it is best shown."""
        return (await self._prepared(image)).facts

    async def tile(
        self, image: KeptImage, level: int, column: int, row: int, stretch: Stretch | Scale = Scale.ASINH
    ) -> bytes:
        """Draw a tile of an image as a grey PNG, transparent where there is no number."""
        prepared = await self._prepared(image)
        chosen = stretch if isinstance(stretch, Stretch) else prepared.facts.stretches[stretch]
        return await _drawn(prepared.levels.tile, level, column, row, chosen)

    async def overlay(
        self, image: KeptImage, level: int, column: int, row: int, planes: Iterable[str]
    ) -> bytes:
        """Draw planes of an image's mask over a tile, as a PNG that is transparent elsewhere."""
        prepared = await self._masked(image)
        return await _drawn(prepared.levels.overlay, level, column, row, tuple(planes))

    async def value(self, image: KeptImage, x: int, y: int) -> PixelValue:
        """Look up a pixel (from 0, upwards)."""
        prepared = await self._masked(image)
        try:
            value, planes = prepared.levels.value(x, y)
        except IndexError as error:
            raise NoSuchPictureError(str(error)) from error
        ra, dec = (None, None) if prepared.sky is None else prepared.sky.position(x, y)
        return PixelValue(value=value, planes=planes, ra=ra, dec=dec)

    async def thumbnail(self, image: KeptImage, size: int = 128) -> bytes:
        """Draw all of an image so that it fits into a square, at most as large as a tile."""
        if not 0 < size <= TILE:
            raise NoSuchPictureError(f"thumbnails have 1 to {TILE} pixels, not {size}")
        kept = self._small.get(("thumbnail", image, size))
        if kept is None:
            prepared = await self._prepared(image)
            stretch = prepared.facts.stretches[Scale.ASINH]
            kept = await asyncio.to_thread(thumbnail_png, prepared.levels.pixels[-1], stretch, size)
            self._small.put(("thumbnail", image, size), kept, len(kept))
        return kept

    async def cutouts(
        self, images: Sequence[KeptImage], x: float, y: float, size: int = 31, zoom: int = 4
    ) -> bytes:
        """Draw the same square of pixels of several images side by side, as a grey PNG.

        Parameters
        ----------
        images
            In the order in which they are shown, such as calibrated, template and difference.
        x, y
            Pixels from 0, in the middle.
        size
            Pixels from edge to edge.
        zoom
            How many pixels of the picture one of the image is wide.
        """
        if not (images and 0 < size <= _LARGEST_CUTOUT and 0 < zoom <= _LARGEST_ZOOM):
            raise NoSuchPictureError(
                f"cutouts have 1 to {_LARGEST_CUTOUT} pixels and a zoom of 1 to {_LARGEST_ZOOM}"
            )
        key = "cutouts", tuple(images), x, y, size, zoom
        kept = self._small.get(key)
        if kept is None:
            box = PixelBox(x=round(x) - size // 2, y=round(y) - size // 2, width=size, height=size)
            cut = [_cut(await self._part(image, box), box) for image in images]
            kept = await asyncio.to_thread(side_by_side, cut, zoom)
            self._small.put(key, kept, len(kept))
        return kept

    async def _part(self, image: KeptImage, box: PixelBox) -> ImagePixels:
        return await self._archive.read(image, box, with_mask=False)

    async def _masked(self, image: KeptImage) -> _Prepared:
        """Prepare an image with its mask, which a viewer asks for later than for its pixels, if at all."""
        prepared = await self._prepared(image)
        async with prepared.turn:
            if prepared.levels.lacks_mask:
                async with self._slots:
                    read = await self._archive.read(image)
                if read.mask is not None:
                    prepared.levels.add_mask(read.mask)
        return prepared

    async def _prepared(self, image: KeptImage) -> _Prepared:
        kept = self._images.get(image)
        if kept is not None:
            return kept
        if image not in self._reading:
            task = self._reading[image] = asyncio.create_task(self._read(image))
            task.add_done_callback(lambda done: self._done(image, done))
        # Who goes away does not take the image from the others.
        return await asyncio.shield(self._reading[image])

    async def _read(self, image: KeptImage) -> _Prepared:
        async with self._slots:
            pixels = await self._archive.read(image, with_mask=False)
            prepared = await asyncio.to_thread(_prepare, pixels)
        self._images.put(image, prepared, prepared.levels.nbytes)
        return prepared

    def _done(self, image: KeptImage, task: asyncio.Task[_Prepared]) -> None:
        del self._reading[image]
        if not task.cancelled():
            task.exception()  # those who wait are told; nobody may wait any more


async def _drawn[**P](draw: Callable[P, bytes], *args: P.args, **kwargs: P.kwargs) -> bytes:
    try:
        return await asyncio.to_thread(draw, *args, **kwargs)
    except IndexError as error:
        raise NoSuchPictureError(str(error)) from error


def _prepare(image: ImagePixels) -> _Prepared:
    levels = Levels(image)
    sky = None if image.wcs is None else Sky(image.wcs)
    facts = PictureFacts(
        width=levels.width,
        height=levels.height,
        levels=len(levels.pixels),
        tile=TILE,
        stretches={scale: Stretch.automatic(levels.pixels[0], scale) for scale in Scale},
        planes={name: "#{:02x}{:02x}{:02x}".format(*plane_colour(bit)) for name, bit in image.planes.items()},
        unit=image.unit,
        path=image.path,
        has_sky=sky is not None,
        nanojansky=image.nanojansky,
    )
    return _Prepared(levels=levels, facts=facts, sky=sky)


def _cut(image: ImagePixels, box: PixelBox) -> Pixels:
    """Put what was read of a box into all of it; NaN beyond the image."""
    cut = np.full((box.height, box.width), np.nan, np.float32)
    left, low = image.corner[0] - box.x, image.corner[1] - box.y
    rows, columns = image.array.shape
    if rows and columns:
        cut[low : low + rows, left : left + columns] = image.array
    return cut
