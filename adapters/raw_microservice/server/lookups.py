"""Questions about raws, asked of the index."""

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from adapters.raw_microservice.server.answers import Answer, absence, json_answer, presence
from adapters.raw_microservice.server.merged_index import MergedIndex
from adapters.raw_microservice.server.requests import RequestError, read_group, read_snap
from domain.cameras.camera import Camera, Detector, UnknownDetectorError
from ports.raw_index import RawIndex, RawSlot

__all__ = ["LSST_INSTRUMENTS", "MOST_SNAPS", "Lookups"]

LSST_INSTRUMENTS: Final = ("LATISS", "LSSTComCam", "LSSTComCamSim", "LSSTCam", "LSST-TS8")
"""Those of docs/contracts/raw-microservice.md; their sensors are ``Rrr_Sss`` in figures there."""

MOST_SNAPS: Final = 32
"""Snaps of a group that are looked up when all are asked for."""

_SLOTS_AT_ONCE: Final = 1024
_LISTED_AT_ONCE: Final = 4096
_CALLS_WAITING: Final = 16
_FEWEST_SNAPS_AT_ONCE: Final = 4
_SENSOR = re.compile("R[0-9]{2}_S[0-9]{2}")


class Lookups:
    """Answers of both versions of the interface.

    All questions raise `RequestError` if the request names what is not there or
    cannot be read, and `RawIndexUnavailableError` if the index has no answer in
    time.

    Parameters
    ----------
    index
        Knows which raws have come.
    cameras
        The configured ones.
    patience
        Seconds that a question may wait for the index.
    """

    def __init__(self, index: RawIndex, cameras: Sequence[Camera], *, patience: float) -> None:
        self._index = MergedIndex(index, patience=patience)
        # Workers ask for one raw each: whoever asks for lists, of thousands, delays other lists only.
        self._lists = MergedIndex(
            index, patience=patience, at_once=_LISTED_AT_ONCE, waiting=_LISTED_AT_ONCE * _CALLS_WAITING
        )
        self._cameras = {camera.instrument: camera for camera in cameras}

    async def one_of_contract(self, instrument: str, group: str, snap: str, sensor: str) -> Answer:
        """Answer docs/contracts/raw-microservice.md."""
        if instrument in LSST_INSTRUMENTS:
            known = _SENSOR.fullmatch(sensor) is not None
        elif instrument in self._cameras:
            known = sensor in self._cameras[instrument].numbers
        else:
            raise RequestError(f"instrument {instrument!r} is unknown")
        if not known:
            raise RequestError(f"sensor {sensor!r} is none of {instrument}'s that can be asked for here")
        return await self._one(RawSlot(instrument, read_group(group), read_snap(snap), sensor))

    async def one(self, instrument: str, group: str, snap: str, sensor: str) -> Answer:
        """Answer for any sensor of a configured camera, guide and wavefront sensors among them."""
        detector = _detector(self._camera(instrument), sensor)
        return await self._one(RawSlot(instrument, read_group(group), read_snap(snap), detector.in_keys))

    async def of_snap(self, instrument: str, group: str, snap: str, sensors: Sequence[str]) -> Answer:
        """List what has come of one snap, of some sensors or all."""
        camera, number = self._camera(instrument), read_snap(snap)
        detectors = _detectors(camera, sensors)
        raws = await self._come(instrument, read_group(group), range(number, number + 1), detectors)
        return _listing(instrument, group, raws)

    async def of_group(self, instrument: str, group: str, sensors: Sequence[str]) -> Answer:
        """List what has come of all snaps, of some sensors or all."""
        detectors = _detectors(self._camera(instrument), sensors)
        read_group(group)
        raws: list[dict[str, Any]] = []
        # A group has one snap or two: most of the places need not be looked at.
        at_once = max(_FEWEST_SNAPS_AT_ONCE, _SLOTS_AT_ONCE // len(detectors))
        for first in range(0, MOST_SNAPS, at_once):
            snaps = range(first, min(first + at_once, MOST_SNAPS))
            come = await self._come(instrument, group, snaps, detectors)
            if not come:
                break
            raws += come
        return _listing(instrument, group, raws)

    async def check(self) -> None:
        """See that the index answers."""
        await self._index.find([RawSlot(LSST_INSTRUMENTS[0], "readyz", 0, "R00_S00")])

    async def _one(self, slot: RawSlot) -> Answer:
        (uri,) = await self._index.find([slot])
        return absence() if uri is None else presence(uri)

    async def _come(
        self, instrument: str, group: str, snaps: Sequence[int], detectors: Sequence[Detector]
    ) -> list[dict[str, Any]]:
        places = [(snap, detector) for snap in snaps for detector in detectors]
        slots = [RawSlot(instrument, group, snap, detector.in_keys) for snap, detector in places]
        return [
            {"snap": snap, "sensor": detector.in_keys, "detector": detector.number, "uri": uri}
            for (snap, detector), uri in zip(places, await self._lists.find(slots), strict=True)
            if uri is not None
        ]

    def _camera(self, instrument: str) -> Camera:
        try:
            return self._cameras[instrument]
        except KeyError:
            raise RequestError(f"instrument {instrument!r} is unknown", HTTPStatus.NOT_FOUND) from None


def _detectors(camera: Camera, sensors: Sequence[str]) -> Sequence[Detector]:
    chosen = [_detector(camera, sensor) for sensor in dict.fromkeys(sensors)] or list(camera.detectors)
    return sorted(chosen, key=lambda detector: detector.number)


def _detector(camera: Camera, sensor: str) -> Detector:
    try:
        return camera.detector_named(sensor)
    except UnknownDetectorError as error:
        raise RequestError(str(error), HTTPStatus.NOT_FOUND) from None


def _listing(instrument: str, group: str, raws: Sequence[dict[str, Any]]) -> Answer:
    return json_answer({"error": False, "instrument": instrument, "group": group, "raws": raws})
