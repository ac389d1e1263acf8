"""Ask the archives of a night whether they are there."""

import contextlib
from collections.abc import Mapping

from application.console.night_board import Look
from ports.image_archive import ImageArchive
from ports.source_archive import NoSuchSourceError, SourceArchive

__all__ = ["looks"]


def looks(images: ImageArchive | None, sources: SourceArchive | None) -> Mapping[str, Look]:
    """Give what asks each archive, by its name for people, for as little as there is to ask for."""
    found: dict[str, Look] = {}

    if images is not None:

        async def look_at_images() -> str:
            await images.images("")
            return ""

        found["repository"] = look_at_images

    if sources is not None:

        async def look_at_sources() -> str:
            with contextlib.suppress(NoSuchSourceError):
                await sources.source(0)
            return ""

        found["APDB"] = look_at_sources

    return found
