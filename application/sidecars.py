"""Learn from its key, its sidecar or its own header which snap of which group a raw is."""

import asyncio
import logging
from collections.abc import Mapping

from attrs import frozen

from domain.cameras.camera import Camera
from domain.headers.header import InvalidHeaderError, group_and_snap, read_exposure
from domain.raws.raws import RawImage, RawKey, sidecar_key
from domain.raws.stored_raw import StoredRaw
from ports.raw_arrivals import ImageStore, ImageStoreUnavailableError, UnreadableSidecarError

__all__ = ["Sidecars"]

_LOG = logging.getLogger(__name__)
_REMEMBERED = 4096


@frozen
class _Facts:
    group: str
    snap: int
    exposure: int


class Sidecars:
    """Reads sidecars, each once, for the life of a worker.

    Parameters
    ----------
    camera
        Knows how keys and cards are written.
    store
        Where the sidecars are.
    pause, patience
        Seconds between two reads of a sidecar that is not there or cannot be
        read yet, and for how long to go on; it can land about 2 s after its
        image.
    remembered
        Sidecars whose facts are kept.
    """

    def __init__(
        self,
        camera: Camera,
        store: ImageStore,
        *,
        pause: float = 0.25,
        patience: float = 5.0,
        remembered: int = _REMEMBERED,
    ) -> None:
        self._camera = camera
        self._store = store
        self._pause = pause
        self._patience = patience
        self._remembered = remembered
        self._known: dict[str, _Facts] = {}

    def known_group(self, name: str) -> str | None:
        """Tell the group that a sidecar names, if it has been read before."""
        facts = self._known.get(name)
        return facts.group if facts else None

    async def identify(self, raw: StoredRaw) -> RawImage | None:
        """Find group and snap of a raw, waiting for its sidecar if need be.

        If that never becomes readable, the image's own header tells them. None,
        and one line in the log, if it does not either.
        """
        sidecar = sidecar_key(raw.key)
        facts = await (self._patiently(sidecar, raw.key) if sidecar else self._from_key(raw.key))
        if facts is None:
            return None
        return RawImage(
            key=raw.key,
            uri=self._store.uri(raw.key.key),
            exposure=facts.exposure,
            group=facts.group,
            snap=facts.snap,
            version=raw.stored.version,
        )

    async def group_of(self, sidecar: str, key: RawKey) -> str | None:
        """Tell the group that a sidecar names; None if it cannot be read (yet)."""
        try:
            return await self.read_group(sidecar, key)
        except UnreadableSidecarError as error:
            _LOG.debug("%s", error)
            return None

    async def read_group(self, sidecar: str, key: RawKey) -> str | None:
        """Tell the group that a sidecar names; None if there is none.

        Raises
        ------
        ports.raw_arrivals.UnreadableSidecarError
            Raised if it is there and cannot be read (yet).
        """
        try:
            facts = await self._read(sidecar, key)
        except (UnreadableSidecarError, InvalidHeaderError) as error:
            raise UnreadableSidecarError(f"sidecar {sidecar} cannot be read: {error}") from error
        return facts.group if facts else None

    async def _from_key(self, key: RawKey) -> _Facts | None:
        if key.group is None or key.snap is None or key.exposure is None:
            _LOG.warning("%s: its key does not tell group, snap and exposure", key.key)
            return None
        return _Facts(key.group, key.snap, key.exposure)

    async def _patiently(self, sidecar: str, key: RawKey) -> _Facts | None:
        loop = asyncio.get_running_loop()
        end = loop.time() + self._patience
        while True:
            reason = "it has not come"
            try:
                facts = await self._read(sidecar, key)
            except (UnreadableSidecarError, InvalidHeaderError, ImageStoreUnavailableError) as error:
                facts, reason = None, str(error)
            if facts is not None:
                return facts
            if loop.time() >= end:
                return await self._from_header(sidecar, key, reason)
            await asyncio.sleep(self._pause)

    async def group_in_header(self, sidecar: str, key: RawKey) -> str | None:
        """Tell the group that an image's own header names, for want of a sidecar; None if it cannot.

        Raises
        ------
        ports.raw_arrivals.ImageStoreUnavailableError
            Raised if the store cannot be reached.
        """
        facts = await self._in_header(sidecar, key)
        return facts.group if facts else None

    async def _from_header(self, sidecar: str, key: RawKey, reason: str) -> _Facts | None:
        try:
            facts = await self._in_header(sidecar, key)
        except ImageStoreUnavailableError as error:
            facts, reason = None, str(error)
        if facts is None:
            _LOG.warning("image %s skipped for now: sidecar %s: %s", key.key, sidecar, reason)
        return facts

    async def _in_header(self, sidecar: str, key: RawKey) -> _Facts | None:
        cards = await self._store.header(key.key)
        if cards is None:
            return None
        try:
            facts = self._facts(cards, key)
        except InvalidHeaderError as error:
            _LOG.debug("the header of %s: %s", key.key, error)
            return None
        _LOG.warning("image %s is of group %s by its own header: it has no sidecar", key.key, facts.group)
        self._remember(sidecar, facts)
        return facts

    async def _read(self, sidecar: str, key: RawKey) -> _Facts | None:
        if sidecar in self._known:
            return self._known[sidecar]
        cards = await self._store.sidecar(sidecar)
        if cards is None:
            return None
        facts = self._facts(cards, key)
        self._remember(sidecar, facts)
        return facts

    def _facts(self, cards: Mapping[str, object], key: RawKey) -> _Facts:
        group, snap = group_and_snap(self._camera, cards)
        exposure = key.exposure
        if exposure is None:
            exposure = read_exposure(self._camera, cards, key).exposure
        return _Facts(group, snap, exposure)

    def _remember(self, sidecar: str, facts: _Facts) -> None:
        while len(self._known) >= self._remembered:
            del self._known[next(iter(self._known))]
        self._known[sidecar] = facts
