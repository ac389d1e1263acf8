"""The images of a night, for people to look at."""

from collections.abc import Sequence
from typing import Protocol

from domain.errors import PromptProcessingError
from domain.results.images import ImagePixels, KeptImage, PixelBox
from ports.neighbours import NeighbourUnavailableError

__all__ = ["ImageArchive", "ImageArchiveUnavailableError", "NoSuchImageError"]


class ImageArchiveUnavailableError(NeighbourUnavailableError):
    """The archive cannot be reached now."""


class NoSuchImageError(PromptProcessingError):
    """The archive has no such image, or cannot read it; the text says what it has."""


class ImageArchive(Protocol):
    """What is kept of the images of visits; read-only.

    A running night adds to it, so that the same question may have more answers later.
    All methods raise `ImageArchiveUnavailableError` if it cannot be reached.
    """

    async def images(self, group: str, detector: int | None = None) -> Sequence[KeptImage]:
        """List what is kept of a visit, of one detector or of all.

        They come in the order of exposures, detectors and kinds.
        """
        ...

    async def read(
        self, image: KeptImage, within: PixelBox | None = None, *, with_mask: bool = True
    ) -> ImagePixels:
        """Read one image, or what of it lies within a box, which may be nothing.

        A blank group stands for that of the exposure.
        Without its mask it takes a third of the time.

        Raises
        ------
        NoSuchImageError
            Raised if it is not there or cannot be read.
        """
        ...
