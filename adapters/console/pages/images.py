"""The images of a visit-detector side by side, and those of a visit as a mosaic."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse

from adapters.console.night import ConsoleNight
from adapters.console.pages.pictures import kept_of
from adapters.console.rendering import Renderer
from adapters.console.view.asking import detector_of, whole_number
from adapters.console.view.focal_plane import map_of
from adapters.console.view.sightings import TRIPLET
from domain.results.images import ImageKind, KeptImage
from ports.image_archive import ImageArchive

__all__ = ["ImagesPage", "MosaicPage", "archive_of"]

_FIRST: Final = (ImageKind.CALIBRATED, ImageKind.DIFFERENCE, ImageKind.ISR, ImageKind.RAW)
"""What a mosaic shows unless asked otherwise: the first of these that is kept."""


def archive_of(night: ConsoleNight) -> ImageArchive:
    """Give the archive of images.

    Raises
    ------
    HTTPException
        Raised if there is none within reach.
    """
    if night.images is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, "The images of this night are not within reach.")
    return night.images


class ImagesPage:
    """Shows the images of a visit-detector, which are zoomed and moved in step."""

    def __init__(self, night: ConsoleNight, renderer: Renderer) -> None:
        self._night = night
        self._renderer = renderer

    async def answer(self, request: Request) -> HTMLResponse:
        """Answer with the page."""
        images = await kept_of(archive_of(self._night), request)
        group, detector = request.query_params.get("group", ""), detector_of(request)
        if not images:
            text = f"No image of detector {detector} in visit {group!r} is kept."
            raise HTTPException(HTTPStatus.NOT_FOUND, text)
        visits = sorted({image.visit for image in images})
        # Of a visit of several exposures, one at a time.
        visit = whole_number(request, "visit", visits[0])
        shown = [image for image in images if image.visit == visit]
        return self._renderer.page(
            "images.html",
            night=self._night.board.view(),
            group=group,
            detector=detector,
            visit=visit,
            visits=visits,
            images=shown,
            triplet=TRIPLET,
            has_triplet=any(image.kind in TRIPLET for image in shown),
            has_sources=self._night.sources is not None,
            at_x=request.query_params.get("x", ""),
            at_y=request.query_params.get("y", ""),
        )


class MosaicPage:
    """Shows the images of a visit in their places on the focal plane."""

    def __init__(self, night: ConsoleNight, renderer: Renderer) -> None:
        self._night = night
        self._renderer = renderer

    async def answer(self, request: Request) -> HTMLResponse:
        """Answer with the page."""
        group = request.query_params.get("group", "")
        images = await archive_of(self._night).images(group)
        kinds = [kind for kind in ImageKind if any(image.kind is kind for image in images)]
        asked = request.query_params.get("kind", "")
        kind = next((one for one in kinds if one == asked), None) or next(
            (one for one in _FIRST if one in kinds), None
        )
        plane = map_of(self._night.camera, {image.detector for image in images})
        return self._renderer.page(
            "mosaic.html",
            night=self._night.board.view(),
            group=group,
            kinds=kinds,
            kind=kind,
            plane=plane,
            images=_by_detector(images, kind),
            thumbnail=_thumbnail_size(len(plane.cells)),
        )


def _by_detector(images: Sequence[KeptImage], kind: ImageKind | None) -> dict[int, KeptImage]:
    return {image.detector: image for image in images if image.kind is kind}


def _thumbnail_size(cells: int) -> int:
    return 512 if cells <= 4 else 256 if cells <= 16 else 96
