"""A night of the past, played again: real raws as visits, their own calibrations."""

import itertools
import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from domain.cameras.camera import Camera
from domain.cameras.corrections import DetectorCorrections
from domain.raws.raws import UnnameableRawError, make_raw_key, parse_raw_keys, sidecar_key
from domain.times import TaiSeconds
from prompt_pipelines.errors import PromptPipelinesError
from prompt_pipelines.raw import RawFrame, read_raw
from raw_files.names import split_name
from simulator.errors import SimulatorError
from simulator.summit.night import NightPlan, PlannedVisit, RawObject
from workbench.masters.recorded_calibrations import FRAME_KINDS, RecordedCalibrations
from workbench.pace import Pace
from workbench.recorded_frames import RecordedFrame, RecordedFrames, read_cards, read_frames
from workbench.same_exposures import told_apart, without_copies

__all__ = ["Recording", "recorded_night"]

_log = logging.getLogger(__name__)

_SURVEY = "replay"


def recorded_night(
    folder: Path,
    camera: Camera,
    corrections: Mapping[int, DetectorCorrections] | None = None,
    pace: Pace | None = None,
) -> tuple[NightPlan, "Recording"]:
    """Plan to play all science exposures of a folder as visits, in time order.

    A frame that cannot be used is left out, and named in the log; so is what
    calibration frames there are none of, without which science exposures are
    played all the same.

    Parameters
    ----------
    folder
        Raw frames in any layout: science exposures, and the bias, dark and
        flat frames to calibrate them with.
    camera
        Whose rules say what headers mean.
    corrections
        What else is known of its detectors.
    pace
        Of reading the frames, now and later.

    Returns
    -------
    plan, recording
        The plan, and where its raws come from.

    Raises
    ------
    SimulatorError
        Raised if there are no science exposures, or none that can be played;
        the text says why.
    """
    found = without_copies(read_frames(folder, camera, pace), camera)
    night = Recording(camera, found, corrections)
    return NightPlan(camera=camera, visits=night.visits, raws=night, calibrations=night.calibrations), night


class Recording:
    """Files of the past as the source of raws.

    A science frame that cannot be played is left out, and named in the log.

    Parameters
    ----------
    camera
        Whose they are.
    frames
        The files.
    corrections
        What else is known of its detectors.

    Raises
    ------
    SimulatorError
        Raised if there are no science exposures, or none that can be played.
    """

    def __init__(
        self,
        camera: Camera,
        frames: RecordedFrames,
        corrections: Mapping[int, DetectorCorrections] | None = None,
    ) -> None:
        self._camera = camera
        self._pace = frames.pace
        self.calibrations = RecordedCalibrations(frames, corrections)
        """What the science exposures are calibrated with."""
        self.missing: tuple[str, ...] = ()
        """What calibration frames there are none of, a line each."""
        playable = told_apart(self._playable(frames), camera)
        self._science: dict[tuple[str, int], list[RecordedFrame]] = defaultdict(list)
        for frame in playable:
            self._science[frame.exposure.group, frame.exposure.snap].append(frame)
        self.visits = _visits(playable)
        """In time order."""

    def take(
        self,
        visit: PlannedVisit,
        snap: int,
        opened: TaiSeconds,  # noqa: ARG002 - the past keeps its times
        closed: TaiSeconds,  # noqa: ARG002 - the past keeps its times
    ) -> Iterator[RawObject]:
        """Return one exposure's files, byte for byte, under the camera's key scheme.

        A file that can no longer be read is left out, and named in the log.
        """
        objects: dict[tuple[str, Path], list[RecordedFrame]] = defaultdict(list)
        for frame in self._science[visit.group, snap]:
            if frame.exposure.detector in visit.detectors:
                objects[self._key(frame), frame.path].append(frame)
        for (key, path), frames in objects.items():
            try:
                yield self._raw_object(key, frames)
            except (SimulatorError, OSError) as error:
                _log.warning("%s is left out: %s", path, error)

    def name(self, visit: PlannedVisit, detector: int) -> str:
        """Name the file of a visit's first snap, for people."""
        found = self._find(visit, detector)
        return f"{visit.group}, detector {detector}" if found is None else str(found.path)

    def frame(self, visit: PlannedVisit, detector: int) -> tuple[RecordedFrame, RawFrame]:
        """Read the first snap of a visit.

        Raises
        ------
        SimulatorError
            Raised if there is none of this detector, or it cannot be read.
        """
        found = self._find(visit, detector)
        if found is None:
            raise SimulatorError("there is no first snap")
        self._pace.step("measuring exposures")
        try:
            return found, read_raw(found.path, found.hdus)
        except (PromptPipelinesError, OSError) as error:
            raise SimulatorError(str(error).removeprefix(f"{found.path}: ")) from error

    def _find(self, visit: PlannedVisit, detector: int) -> RecordedFrame | None:
        frames = self._science[visit.group, 0]
        return next((frame for frame in frames if frame.exposure.detector == detector), None)

    def _playable(self, frames: RecordedFrames) -> list[RecordedFrame]:
        frames.tell_unused()
        science = frames.of_kind("science")
        if not science:
            raise SimulatorError(f"no science exposures ({frames})")
        lacking = {frame: self._lacking(frame) for frame in science}
        if all(lacking.values()):
            every = dict.fromkeys(itertools.chain(*lacking.values()))
            raise SimulatorError(f"{'; '.join(every)} ({frames})")
        for frame, reasons in lacking.items():
            if reasons:
                _log.warning("%s is left out: %s", frame.path, "; ".join(reasons))
        playable = [frame for frame in science if not lacking[frame]]
        self.missing = self._missing(playable)
        return playable

    def _missing(self, science: Iterable[RecordedFrame]) -> tuple[str, ...]:
        """Find what frames are to be calibrated without, and name it in the log."""
        wanted = ("bias", "flat") if self._camera.calibrations is None else self._camera.calibrations
        without: dict[str, list[RecordedFrame]] = defaultdict(list)
        for frame in science:
            detector, physical_filter = frame.exposure.detector, frame.exposure.physical_filter
            for kind in wanted:
                if kind in FRAME_KINDS and not self.calibrations.has(kind, detector, physical_filter):
                    what = "flat fields" if kind == "flat" else f"{kind} frames"
                    where = f" in {physical_filter}" if kind == "flat" else ""
                    without[f"no {what} of detector {detector}{where}"].append(frame)
        for text, frames in without.items():
            more = f" and {len(frames) - 1} more" if len(frames) > 1 else ""
            _log.warning("%s: %s%s are processed without", text, frames[0].path, more)
        return tuple(f"frames processed without: {len(frames)}, {text}" for text, frames in without.items())

    def _lacking(self, frame: RecordedFrame) -> list[str]:
        """Say what keeps a science frame from being played."""
        physical_filter = frame.exposure.physical_filter
        if physical_filter not in self._camera.filters:
            return [f"{physical_filter!r} is no filter of {self._camera.instrument}"]
        try:
            self._key(frame)
        except UnnameableRawError as error:
            return [str(error)]
        return []

    def _key(self, frame: RecordedFrame) -> str:
        stem, extension = split_name(frame.path.name) or (frame.path.name, ".fits")
        return make_raw_key(self._camera, frame.exposure, extension=extension, stem=stem)

    def _raw_object(self, key: str, frames: Sequence[RecordedFrame]) -> RawObject:
        first = frames[0]
        sidecar = sidecar_key(parse_raw_keys(self._camera, key)[0])
        cards = {} if sidecar is None else read_cards(first, self._camera)
        return RawObject(
            detectors=tuple(frame.exposure.detector for frame in frames),
            key=key,
            body=first.path.read_bytes(),
            sidecar_key=sidecar,
            sidecar=b"" if sidecar is None else json.dumps(cards).encode(),
        )


def _visits(frames: Iterable[RecordedFrame]) -> tuple[PlannedVisit, ...]:
    groups: dict[str, list[RecordedFrame]] = defaultdict(list)
    for frame in frames:
        groups[frame.exposure.group].append(frame)
    return tuple(_visit(group, members) for group, members in groups.items())


def _visit(group: str, frames: Sequence[RecordedFrame]) -> PlannedVisit:
    first = frames[0].exposure
    return PlannedVisit(
        group=group,
        detectors=tuple(sorted({frame.exposure.detector for frame in frames})),
        ra=first.ra,
        dec=first.dec,
        sky_angle=first.sky_angle,
        physical_filter=first.physical_filter,
        exposure_time=first.exposure_time,
        snaps=1 + max(frame.exposure.snap for frame in frames),
        survey=_SURVEY,
    )
