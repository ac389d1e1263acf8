"""Bias, dark and flat frames of the past, which calibrate a night's science exposures."""

import logging
from collections import defaultdict
from collections.abc import Mapping

from attrs import evolve

from domain.cameras.corrections import DetectorCorrections
from domain.raws.exposure import Exposure
from prompt_pipelines.errors import PromptPipelinesError
from prompt_pipelines.raw import RawFrame, read_raw
from simulator.errors import SimulatorError
from workbench.recorded_frames import RecordedFrame, RecordedFrames

__all__ = ["FRAME_KINDS", "RecordedCalibrations"]

_log = logging.getLogger(__name__)

FRAME_KINDS = ("bias", "dark", "flat")
"""Observation types of frames that masters are made from, which are called the same."""


class RecordedCalibrations:
    """Calibration frames by detector and filter.

    Those that cannot be read are left out, and named in the log.

    Parameters
    ----------
    frames
        All frames of a night.
    corrections
        What else is known, by detector.
    """

    def __init__(
        self, frames: RecordedFrames, corrections: Mapping[int, DetectorCorrections] | None = None
    ) -> None:
        self._corrections = dict(corrections or {})
        self._pace = frames.pace
        self._counts = {kind: len(frames.of_kind(kind)) for kind in FRAME_KINDS}
        self._frames: dict[tuple[str, int, str], list[RecordedFrame]] = defaultdict(list)
        for kind in FRAME_KINDS:
            for frame in frames.of_kind(kind):
                physical_filter = frame.exposure.physical_filter if kind == "flat" else ""
                self._frames[kind, frame.exposure.detector, physical_filter].append(frame)

    @property
    def detectors(self) -> tuple[int, ...]:
        """Detectors of which there is any frame, or anything is known."""
        return tuple(sorted({*self._corrections, *(detector for _, detector, _ in self._frames)}))

    def filters_of(self, detector: int) -> tuple[str, ...]:
        """List the filters in which there are flat fields of a detector."""
        return tuple(
            physical_filter for kind, of, physical_filter in self._frames if kind == "flat" and of == detector
        )

    def first(self, detector: int) -> Exposure | None:
        """Return the exposure of a detector's first frame; None if there is none."""
        exposures = [
            one.exposure for key, frames in self._frames.items() if key[1] == detector for one in frames
        ]
        return min(exposures, key=lambda exposure: exposure.begin, default=None)

    def has(self, kind: str, detector: int, physical_filter: str) -> bool:
        """Tell whether there is a ``bias``, ``dark`` or ``flat`` frame for science exposures."""
        return (kind, detector, physical_filter if kind == "flat" else "") in self._frames

    def biases(self, detector: int) -> list[RawFrame]:
        """Read a detector's bias frames."""
        return self._read("bias", detector)

    def darks(self, detector: int) -> list[RawFrame]:
        """Read a detector's dark frames."""
        return self._read("dark", detector)

    def flats(self, detector: int, physical_filter: str) -> list[RawFrame]:
        """Read a detector's flat fields in a filter."""
        return self._read("flat", detector, physical_filter)

    def corrections(self, detector: int) -> DetectorCorrections:
        """Return what is known of a detector."""
        return self._corrections.get(detector, DetectorCorrections())

    def _read(self, kind: str, detector: int, physical_filter: str = "") -> list[RawFrame]:
        frames = self._frames.get((kind, detector, physical_filter), [])
        read = [raw for frame in frames if (raw := self._readable(kind, frame)) is not None]
        if frames and not read:
            what = f"flat fields of detector {detector} in {physical_filter}"
            raise SimulatorError(
                f"no {what if kind == 'flat' else f'{kind} frames of detector {detector}'} can be read"
            )
        return read

    def _readable(self, kind: str, frame: RecordedFrame) -> RawFrame | None:
        self._pace.step(f"reading {kind} frames", self._counts[kind])
        try:
            return evolve(read_raw(frame.path, frame.hdus), exposure_time=frame.exposure.exposure_time)
        except (PromptPipelinesError, OSError) as error:
            _log.warning("%s is left out: %s", frame.path, str(error).removeprefix(f"{frame.path}: "))
            return None
