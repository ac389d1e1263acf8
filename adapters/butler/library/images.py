"""The images of visits in a repository, for people to look at."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import evolve
from lsst.daf.butler import Butler, DatasetRef, MissingDatasetTypeError
from lsst.resources import ResourcePath
from sqlalchemy.exc import SQLAlchemyError

from adapters.butler.library.fits_planes import read_image, read_raw
from adapters.butler.shared.names import RAW, CollectionType
from adapters.butler.shared.steps import one_line
from adapters.common.own_threads import OwnThreads
from domain.results.images import ImageKind, ImagePixels, KeptImage, PixelBox
from ports.image_archive import ImageArchiveUnavailableError, NoSuchImageError
from raw_files.errors import RawFileError

__all__ = ["DATASET_TYPES", "ButlerImageArchive"]

_LOG = logging.getLogger(__name__)

DATASET_TYPES: Final = {
    ImageKind.RAW: RAW,
    ImageKind.ISR: "post_isr_image",
    ImageKind.CALIBRATED: "preliminary_visit_image",
    ImageKind.TEMPLATE: "template_detector",
    ImageKind.DIFFERENCE: "difference_image",
}

_ELECTRON: Final = "electron"
_CALIBRATION: Final = "visit_calibration"
_KNOWN: Final = 20_000  # of images that are remembered


class ButlerImageArchive:
    """`ports.image_archive.ImageArchive` of a Butler repository: a kept night's, a site's or the central one.

    What is looked for is looked up anew each time, since a running night adds to it. Pixels are read from the
    files themselves, which are FITS: the Butler's formatters take several times as long, and cannot leave the
    mask and the variance out.

    Parameters
    ----------
    repository
        URI or label.
    instrument
        Whose images.
    """

    def __init__(self, repository: str, instrument: str) -> None:
        self._repository = repository
        self._instrument = instrument
        self._threads = OwnThreads("images", ImageArchiveUnavailableError)
        self._butler: Butler | None = None
        self._known: dict[KeptImage, DatasetRef] = {}

    def open(self) -> None:
        """Get ready; the repository is opened when it is first asked."""
        self._threads.open()

    async def close(self) -> None:
        """Close the repository; harmless if not open."""
        await self._threads.close(self._close)

    async def images(self, group: str, detector: int | None = None) -> Sequence[KeptImage]:
        """See `ports.image_archive.ImageArchive.images`."""
        return await self._ask(self._images, group, detector)

    async def read(
        self, image: KeptImage, within: PixelBox | None = None, *, with_mask: bool = True
    ) -> ImagePixels:
        """See `ports.image_archive.ImageArchive.read`."""
        place = await self._ask(self._place, image)
        try:
            found = await asyncio.to_thread(_read, place, image, within, with_mask=with_mask)
        except (OSError, ValueError, LookupError, TypeError, RawFileError) as error:
            raise NoSuchImageError(f"the {image} cannot be read: {place}: {one_line(error)}") from error
        if within is not None or image.kind is not ImageKind.CALIBRATED or found.unit != _ELECTRON:
            return found
        return evolve(found, nanojansky=await self._ask(self._nanojansky, image))

    async def _ask[**P, T](self, look: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await self._threads.run(look, *args, **kwargs)
        except (SQLAlchemyError, OSError) as error:
            # What was wrong may be over when it is opened anew.
            await self._threads.run(self._close)
            raise ImageArchiveUnavailableError(f"{self._repository}: {one_line(error)}") from error

    def _place(self, image: KeptImage) -> ResourcePath:
        if not image.group:
            image = evolve(image, group=self._group_of(image.visit))
        if image not in self._known:
            there = self._images(image.group, image.detector)
            if image not in there:
                kinds = ", ".join(one.kind for one in there if one.visit == image.visit)
                raise NoSuchImageError(f"there is no {image}; there are {kinds or 'none'}")
        try:
            return self._opened().getURI(self._known[image])
        except (LookupError, FileNotFoundError) as error:
            del self._known[image]
            raise NoSuchImageError(f"the {image} is no longer there") from error

    def _nanojansky(self, image: KeptImage) -> float | None:
        """Read the scale that was found for a calibrated image; None if there is none."""
        butler, of = self._opened(), self._known.get(image)
        if of is None:
            return None
        try:
            ref = butler.find_dataset(_CALIBRATION, dict(of.dataId.required), collections=[of.run])
            return None if ref is None else float(butler.get(ref)["nanojansky_per_electron"])
        except (MissingDatasetTypeError, LookupError, FileNotFoundError) as error:
            _LOG.debug("the scale of the %s cannot be read: %s", image, one_line(error))
            return None

    def _group_of(self, exposure: int) -> str:
        """Find the group of an exposure; blank if nothing is known of that."""
        found = self._opened().query_dimension_records(
            "exposure", instrument=self._instrument, exposure=exposure, explain=False
        )
        return next((str(record.group) for record in found), "")

    def _images(self, group: str, detector: int | None) -> Sequence[KeptImage]:
        butler = self._opened()
        # A night makes collections and dataset types, which the Butler reads once.
        butler.registry.refresh()
        return sorted(self._found(butler, group, detector), key=lambda one: one.place)

    def _found(self, butler: Butler, group: str, detector: int | None) -> Iterator[KeptImage]:
        """Find the images of a visit, and remember where they are."""
        named = [f"{self._instrument}/prompt/output-*", f"{self._instrument}/raw/*"]
        collections = butler.collections.query(
            named, collection_types={CollectionType.CHAINED, CollectionType.RUN}
        )
        # Runs of the pipelines match as well; those of later days come first.
        chains = sorted((one for one in collections if one.count("/") == 2), reverse=True)
        exposures = butler.query_dimension_records(
            "exposure", instrument=self._instrument, where="exposure.group = :group", bind={"group": group},
            explain=False,
        )  # fmt: skip
        if not chains or not exposures:
            return
        if len(self._known) > _KNOWN:
            self._known.clear()
        of = {"instrument": self._instrument} | ({} if detector is None else {"detector": detector})
        for kind, name in DATASET_TYPES.items():
            for visit in (record.id for record in exposures):
                for ref in _refs(butler, name, chains, of, visit):
                    image = KeptImage(
                        group=group, visit=visit, detector=int(ref.dataId["detector"]), kind=kind
                    )
                    self._known[image] = ref
                    yield image

    def _opened(self) -> Butler:
        if self._butler is None:
            self._butler = Butler.from_config(self._repository, writeable=False)
        return self._butler

    def _close(self) -> None:
        butler, self._butler = self._butler, None
        if butler is not None:
            butler.close()


def _refs(
    butler: Butler, name: str, chains: Sequence[str], of: Mapping[str, Any], visit: int
) -> Sequence[DatasetRef]:
    try:
        dimensions = butler.get_dataset_type(name).dimensions
    except MissingDatasetTypeError:
        return []  # nothing of the kind was ever made
    image = "visit" if "visit" in dimensions else "exposure"
    return butler.query_datasets(name, chains, limit=None, explain=False, data_id={**of, image: visit})


def _read(place: ResourcePath, image: KeptImage, within: PixelBox | None, *, with_mask: bool) -> ImagePixels:
    with place.as_local() as local:
        if image.kind is ImageKind.RAW:
            found = read_raw(local.ospath, image, within)
        else:
            found = read_image(local.ospath, image, within, with_mask=with_mask)
    return evolve(found, path=place.ospath if place.isLocal else str(place))
