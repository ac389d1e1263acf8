"""A night of the past, played again: real raws as visits, their own calibrations."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from domain.cameras.camera import Camera
from domain.raws.raws import make_raw_key, parse_raw_key, sidecar_key
from domain.times import TaiSeconds
from prompt_pipelines.errors import PromptPipelinesError
from prompt_pipelines.raw import RawFrame, read_raw
from simulator.errors import SimulatorError
from simulator.summit.night import NightPlan, PlannedVisit, RawObject
from workbench.recorded_frames import RecordedFrame, RecordedFrames, extension_of, read_cards, read_frames

__all__ = ["Recording", "recorded_night", "replay_plan"]

_SURVEY = "replay"


def replay_plan(folder: Path, camera: Camera) -> NightPlan:
    """Plan to play all science exposures of a folder as visits, in time order.

    Parameters
    ----------
    folder
        Raw frames in any layout: science exposures, and the bias and flat
        frames to calibrate them with.
    camera
        Whose rules say what headers mean.

    Raises
    ------
    SimulatorError
        Raised if there are no science exposures, or calibration frames are
        missing; the text says which.
    """
    return recorded_night(folder, camera)[0]


def recorded_night(folder: Path, camera: Camera) -> tuple[NightPlan, "Recording"]:
    """Do as `replay_plan`, and return where the plan's raws come from as well.

    Raises
    ------
    SimulatorError
        Raised as by `replay_plan`.
    """
    frames = read_frames(folder, camera)
    visits = _visits(frames)
    if not visits:
        raise SimulatorError(f"no science exposures ({frames})")
    night = Recording(camera, frames)
    plan = NightPlan(camera=camera, visits=visits, raws=night, calibrations=night)
    if missing := night.missing(plan):
        raise SimulatorError(f"no {'; no '.join(missing)} ({frames})")
    return plan, night


class Recording:
    """Files of the past as the source of raws and calibration frames.

    Parameters
    ----------
    camera
        Whose they are.
    frames
        The files.
    """

    def __init__(self, camera: Camera, frames: RecordedFrames) -> None:
        self._camera = camera
        self._science: dict[tuple[str, int], list[RecordedFrame]] = defaultdict(list)
        for frame in frames.of_kind("science"):
            self._science[frame.exposure.group, frame.exposure.snap].append(frame)
        self._biases: dict[int, list[RecordedFrame]] = defaultdict(list)
        for frame in frames.of_kind("bias"):
            self._biases[frame.exposure.detector].append(frame)
        self._flats: dict[tuple[int, str], list[RecordedFrame]] = defaultdict(list)
        for frame in frames.of_kind("flat"):
            self._flats[frame.exposure.detector, frame.exposure.physical_filter].append(frame)

    def missing(self, plan: NightPlan) -> list[str]:
        """List, in words, calibration frames that a plan needs and are not there."""
        found = [
            f"bias frames of detector {detector}"
            for detector in plan.detectors
            if detector not in self._biases
        ]
        found += [
            f"flat fields of detector {detector} in {physical_filter}"
            for detector in plan.detectors
            for physical_filter in plan.filters
            if (detector, physical_filter) not in self._flats
        ]
        return found

    def take(
        self,
        visit: PlannedVisit,
        snap: int,
        opened: TaiSeconds,  # noqa: ARG002 - the past keeps its times
        closed: TaiSeconds,  # noqa: ARG002 - the past keeps its times
    ) -> Iterator[RawObject]:
        """Return one exposure's files, byte for byte, under the camera's key scheme.

        Raises
        ------
        SimulatorError
            Raised if a file can no longer be read.
        UnnameableRawError
            Raised if the camera's scheme has no key for it.
        """
        for frame in self._science[visit.group, snap]:
            yield self._raw_object(frame)

    def frame(self, visit: PlannedVisit, detector: int) -> tuple[RecordedFrame, RawFrame]:
        """Read the first snap of a visit.

        Raises
        ------
        SimulatorError
            Raised if there is none of this detector, or it cannot be read.
        """
        what = f"science frame of {visit.group}, detector {detector}"
        for frame in self._science[visit.group, 0]:
            if frame.exposure.detector == detector:
                return frame, _read([frame], what)[0]
        raise SimulatorError(f"no {what}")

    def biases(self, detector: int) -> list[RawFrame]:
        """Read a detector's bias frames."""
        return _read(self._biases.get(detector, ()), f"bias frames of detector {detector}")

    def flats(self, detector: int, physical_filter: str) -> list[RawFrame]:
        """Read a detector's flat fields in a filter."""
        frames = self._flats.get((detector, physical_filter), ())
        return _read(frames, f"flat fields of detector {detector} in {physical_filter}")

    def _raw_object(self, frame: RecordedFrame) -> RawObject:
        path, exposure = frame.path, frame.exposure
        extension = extension_of(path)
        key = make_raw_key(
            self._camera, exposure, extension=extension, stem=path.name.removesuffix(extension)
        )
        parsed = parse_raw_key(self._camera, key)
        sidecar = None if parsed is None else sidecar_key(parsed)
        try:
            return RawObject(
                detector=exposure.detector,
                key=key,
                body=path.read_bytes(),
                sidecar_key=sidecar,
                sidecar=b"" if sidecar is None else json.dumps(read_cards(path, self._camera)).encode(),
            )
        except OSError as error:
            raise SimulatorError(f"{path} cannot be read any more: {error}") from error


def _visits(frames: RecordedFrames) -> tuple[PlannedVisit, ...]:
    groups: dict[str, list[RecordedFrame]] = defaultdict(list)
    for frame in frames.of_kind("science"):
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


def _read(frames: Iterable[RecordedFrame], what: str) -> list[RawFrame]:
    try:
        read = [read_raw(frame.path) for frame in frames]
    except (PromptPipelinesError, OSError) as error:
        raise SimulatorError(f"{what}: {error}") from error
    if not read:
        raise SimulatorError(f"no {what}")
    return read
