"""All raws of one night that are in the bucket, and whose they are."""

import asyncio
import datetime
import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence

from attrs import field, frozen

from application.sidecars import Sidecars
from domain.cameras.camera import Camera
from domain.raws.raws import RawImage, sidecar_key
from domain.raws.stored_object import StoredObject
from domain.raws.stored_raw import StoredRaw, stored_raws
from domain.times import day_obs_of
from domain.visit import Visit
from domain.work.reconciliation import LandedRaw
from ports.raw_arrivals import ImageStore

__all__ = ["LandedImages", "LandedRaws"]

_AT_ONCE = 16  # Listings; the store has about as many threads.
_TRIED = 5  # Sidecars of one exposure, until one can be read.


@frozen(kw_only=True)
class LandedRaws:
    """What was found."""

    named: tuple[LandedRaw, ...]
    """One for each detector of each exposure."""
    nameless: tuple[str, ...]
    """URIs of raws whose group cannot be told: their sidecars are missing or cannot be read."""
    visits: Mapping[str, Visit] = field(factory=dict)
    """By group, of those that need no announcement."""


class LandedImages:
    """Lists the raws of a night.

    Where keys hold the day, that is the night's. Where they do not, it is the
    day on which the image was written; if the store does not say when that
    was, images of all nights are listed.

    Parameters
    ----------
    camera
        Knows how keys are written.
    store
        The bucket.
    sidecars
        Reads them, without patience.
    """

    def __init__(self, camera: Camera, store: ImageStore, sidecars: Sidecars) -> None:
        self._camera = camera
        self._store = store
        self._sidecars = sidecars

    async def find(self, night: datetime.date, detectors: Collection[int]) -> LandedRaws:
        """List the raws of some detectors.

        Raises
        ------
        ports.raw_arrivals.ImageStoreUnavailableError
            Raised if the bucket cannot be reached.
        """
        names = (self._camera.instrument, *self._camera.raw_keys.prefixes)
        turns = asyncio.Semaphore(_AT_ONCE)
        if self._camera.raw_keys.scheme.has_sidecars:
            listed = [await self._store.folders(f"{name}/{night:%Y%m%d}/") for name in names]
            work = [self._exposure(turns, folder, detectors) for folder in itertools.chain(*listed)]
        else:
            by_detector = self._camera.raw_keys.scheme.names_detector
            folders = [f"{detector}/" for detector in sorted(detectors)] if by_detector else [""]
            prefixes = [f"{name}/{folder}" for name in names for folder in folders]
            work = [self._written(turns, prefix, night, detectors) for prefix in prefixes]
        return _together(await asyncio.gather(*work))

    async def _exposure(
        self, turns: asyncio.Semaphore, folder: str, detectors: Collection[int]
    ) -> LandedRaws:
        """Look into the folder of an exposure, whose images are all of one group and snap."""
        async with turns:
            objects = {stored.key: stored for stored in await self._store.objects(folder)}
            raws = [raw for raw in self._raws(objects) if raw.key.detector in detectors]
            example = await self._example(raws, objects)
            if example is None:
                return LandedRaws(named=(), nameless=tuple(self._store.uri(raw.key.key) for raw in raws))
            return LandedRaws(named=tuple(self._landed(raw, example) for raw in raws), nameless=())

    async def _written(
        self, turns: asyncio.Semaphore, prefix: str, night: datetime.date, detectors: Collection[int]
    ) -> LandedRaws:
        """Look for what was written on a day below the prefix of a detector, or of all."""
        async with turns:
            objects = {
                stored.key: stored
                for stored in await self._store.objects(prefix)
                if stored.modified is None or day_obs_of(stored.modified) == night
            }
            named, nameless = [], []
            for raw in self._raws(objects):
                if raw.key.detector not in detectors:
                    continue
                image = await self._sidecars.identify(raw)
                if image is None:
                    nameless.append(self._store.uri(raw.key.key))
                else:
                    named.append(LandedRaw(raw=image, landed=raw.stored.modified))
            return LandedRaws(named=tuple(named), nameless=tuple(nameless))

    def _raws(self, objects: Mapping[str, StoredObject]) -> Iterator[StoredRaw]:
        for stored in objects.values():
            yield from stored_raws(self._camera, stored)

    async def _example(self, raws: Sequence[StoredRaw], objects: Collection[str]) -> RawImage | None:
        described = [raw for raw in raws if sidecar_key(raw.key) in objects]
        # Without a sidecar an image's own header tells.
        for raw in [*described[:_TRIED], *raws[:1]]:
            image = await self._sidecars.identify(raw)
            if image is not None:
                return image
        return None

    def _landed(self, raw: StoredRaw, example: RawImage) -> LandedRaw:
        key = raw.key
        image = RawImage(
            key=key,
            uri=self._store.uri(key.key),
            exposure=example.exposure if key.exposure is None else key.exposure,
            group=example.group,
            snap=example.snap,
            version=raw.stored.version,
        )
        return LandedRaw(raw=image, landed=raw.stored.modified)


def _together(parts: Sequence[LandedRaws]) -> LandedRaws:
    """Join what was found; of an exposure and detector that are stored twice, the newest counts."""
    found: dict[tuple[int, int], LandedRaw] = {}
    for image in itertools.chain.from_iterable(part.named for part in parts):
        place = (image.raw.key.detector, image.raw.exposure)
        before = found.get(place)
        if before is None or (before.landed or 0.0) <= (image.landed or 0.0):
            found[place] = image
    return LandedRaws(
        named=tuple(found.values()), nameless=tuple(uri for part in parts for uri in part.nameless)
    )
