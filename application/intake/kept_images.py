"""The images of a night that came as files, without announcements."""

import datetime
from collections.abc import Collection

from application.intake.keep_frames import VisitPolicy
from application.night_images import LandedRaws
from domain.cameras.camera import Camera
from domain.raws.exposure import Exposure
from domain.raws.frame_files import Ending
from domain.raws.header_visit import visit_of
from domain.raws.raws import RawImage, parse_raw_key
from domain.times import UtcSeconds, tai_from_utc
from domain.visit import Visit
from domain.work.reconciliation import LandedRaw
from ports.incoming import FrameJournal
from ports.raw_arrivals import ImageStore

__all__ = ["KeptImages"]


class KeptImages:
    """`application.reconcile.RawFinder` by the journal: what was taken to be processed.

    A visit that is forgotten is made of the headers anew.
    """

    def __init__(
        self, *, camera: Camera, policy: VisitPolicy, journal: FrameJournal, store: ImageStore
    ) -> None:
        self._camera = camera
        self._policy = policy
        self._journal = journal
        self._store = store

    async def find(self, night: datetime.date, detectors: Collection[int]) -> LandedRaws:
        """List the raws of some detectors, by the day_obs of their headers."""
        day = int(f"{night:%Y%m%d}")
        named: list[LandedRaw] = []
        visits: dict[str, Visit] = {}
        for record in await self._journal.records():
            taken = record.frames if record.ending is Ending.TAKEN else ()
            for frame in taken:
                exposure = frame.exposure
                key = parse_raw_key(self._camera, frame.key, exposure.detector)
                if exposure.day_obs != day or exposure.detector not in detectors or key is None:
                    continue
                raw = RawImage(
                    key=key,
                    uri=self._store.uri(frame.key),
                    exposure=exposure.exposure,
                    group=exposure.group,
                    snap=exposure.snap,
                )
                named.append(LandedRaw(raw=raw, landed=record.noted))
                visits.setdefault(exposure.group, self._visit(exposure, record.noted))
        return LandedRaws(named=tuple(named), nameless=(), visits=visits)

    def _visit(self, exposure: Exposure, noted: UtcSeconds) -> Visit:
        policy = self._policy
        return visit_of(exposure, snaps=policy.snaps, survey=policy.survey, sent=tai_from_utc(noted))
