"""Pictures of images, their values and what is known of them, as a viewer asks for them."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from adapters.console.api.tables import as_json
from adapters.console.pictures.store import Pictures
from adapters.console.pictures.stretch import Scale
from adapters.console.view.asking import whole_number
from domain.results.images import ImageKind, KeptImage
from ports.image_archive import ImageArchive, NoSuchImageError

__all__ = ["PictureRoutes"]

_KEPT: Final = {"cache-control": "private, max-age=3600"}
"""An image does not change once it is kept."""
_LARGEST_PLANES: Final = 64


class PictureRoutes:
    """Answers with pictures.

    Parameters
    ----------
    archive
        Of the images.
    pictures
        Made of them.
    """

    def __init__(self, archive: ImageArchive, pictures: Pictures) -> None:
        self._archive = archive
        self._pictures = pictures

    def routes(self) -> list[BaseRoute]:
        """List the addresses."""
        return [
            Route("/picture/facts", self.facts),
            Route("/picture/tile", self.tile),
            Route("/picture/overlay", self.overlay),
            Route("/picture/values", self.values),
            Route("/picture/thumbnail", self.thumbnail),
            Route("/picture/cutouts", self.cutouts),
        ]

    async def facts(self, request: Request) -> Response:
        """Say how large an image is, and how it is best shown."""
        facts = await self._pictures.facts(image_of(request))
        return as_json(
            {
                "width": facts.width,
                "height": facts.height,
                "levels": facts.levels,
                "tile": facts.tile,
                "planes": facts.planes,
                "unit": facts.unit,
                "path": facts.path,
                "has_sky": facts.has_sky,
                "nanojansky": facts.nanojansky,
            }
        )

    async def tile(self, request: Request) -> Response:
        """Draw a tile."""
        level, column, row = _place(request)
        try:
            scale = Scale(request.query_params.get("scale", Scale.ASINH))
        except ValueError:
            raise HTTPException(HTTPStatus.BAD_REQUEST, f"scale is one of {', '.join(Scale)}") from None
        return _png(await self._pictures.tile(image_of(request), level, column, row, scale))

    async def overlay(self, request: Request) -> Response:
        """Draw planes of a mask over a tile."""
        level, column, row = _place(request)
        planes = request.query_params.getlist("plane")[:_LARGEST_PLANES]
        return _png(await self._pictures.overlay(image_of(request), level, column, row, planes))

    async def values(self, request: Request) -> Response:
        """Look up a pixel in all images of a visit-detector."""
        x, y = whole_number(request, "x"), whole_number(request, "y")
        found: dict[str, Mapping[str, object]] = {}
        for image in _named(request) or await kept_of(self._archive, request):
            try:
                pixel = await self._pictures.value(image, x, y)
            except NoSuchImageError:
                continue
            found[image.kind] = {
                "value": pixel.value,
                "planes": pixel.planes,
                "ra": pixel.ra,
                "dec": pixel.dec,
            }
        return as_json(found)

    async def thumbnail(self, request: Request) -> Response:
        """Draw all of an image, small."""
        return _png(await self._pictures.thumbnail(image_of(request), whole_number(request, "size", 128)))

    async def cutouts(self, request: Request) -> Response:
        """Draw the same square of several images side by side."""
        size, zoom = whole_number(request, "size", 31), whole_number(request, "zoom", 4)
        x, y = whole_number(request, "x"), whole_number(request, "y")
        wanted = _named(request)
        try:
            return _png(await self._pictures.cutouts(wanted, x, y, size, zoom))
        except NoSuchImageError:
            images = [image for image in await kept_of(self._archive, request) if image in wanted]
            if not images:
                raise
            return _png(await self._pictures.cutouts(images, x, y, size, zoom))


async def kept_of(archive: ImageArchive, request: Request) -> Sequence[KeptImage]:
    """List the images that ``group``, ``detector`` and ``visit`` name."""
    group, visit = request.query_params.get("group", ""), whole_number(request, "visit", 0)
    found = await archive.images(group, whole_number(request, "detector"))
    return [image for image in found if visit in {0, image.visit}]


def image_of(request: Request) -> KeptImage:
    """Read which image is meant."""
    return _image(request, request.query_params.get("kind", ""))


def _named(request: Request) -> list[KeptImage]:
    """Read which images are meant, without asking the archive what there is."""
    return [_image(request, kind) for kind in request.query_params.getlist("kind")]


def _image(request: Request, kind: str) -> KeptImage:
    try:
        found = ImageKind(kind)
    except ValueError:
        raise HTTPException(HTTPStatus.BAD_REQUEST, f"kind is one of {', '.join(ImageKind)}") from None
    return KeptImage(
        group=request.query_params.get("group", ""),
        visit=whole_number(request, "visit"),
        detector=whole_number(request, "detector"),
        kind=found,
    )


def _place(request: Request) -> tuple[int, int, int]:
    return whole_number(request, "level"), whole_number(request, "column"), whole_number(request, "row")


def _png(content: bytes) -> Response:
    return Response(content, media_type="image/png", headers=_KEPT)
