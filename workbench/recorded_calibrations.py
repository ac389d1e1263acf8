"""Bias and flat frames of the past, which calibrate a night's science exposures."""

import logging
from collections import defaultdict
from collections.abc import Sequence

from prompt_pipelines.errors import PromptPipelinesError
from prompt_pipelines.raw import RawFrame, read_raw
from simulator.errors import SimulatorError
from workbench.recorded_frames import RecordedFrame, RecordedFrames

__all__ = ["RecordedCalibrations"]

_log = logging.getLogger(__name__)


class RecordedCalibrations:
    """Calibration frames by detector and filter.

    Those that cannot be read are left out, and named in the log.

    Parameters
    ----------
    frames
        All frames of a night.
    """

    def __init__(self, frames: RecordedFrames) -> None:
        self._biases: dict[int, list[RecordedFrame]] = defaultdict(list)
        for frame in frames.of_kind("bias"):
            self._biases[frame.exposure.detector].append(frame)
        self._flats: dict[tuple[int, str], list[RecordedFrame]] = defaultdict(list)
        for frame in frames.of_kind("flat"):
            self._flats[frame.exposure.detector, frame.exposure.physical_filter].append(frame)

    def lacking(self, detector: int, physical_filter: str) -> list[str]:
        """List, in words, what there is no frame of."""
        lacking = []
        if detector not in self._biases:
            lacking.append(f"no {_biases(detector)}")
        if (detector, physical_filter) not in self._flats:
            lacking.append(f"no {_flats(detector, physical_filter)}")
        return lacking

    def biases(self, detector: int) -> list[RawFrame]:
        """Read a detector's bias frames."""
        return _read(self._biases.get(detector, ()), _biases(detector))

    def flats(self, detector: int, physical_filter: str) -> list[RawFrame]:
        """Read a detector's flat fields in a filter."""
        return _read(self._flats.get((detector, physical_filter), ()), _flats(detector, physical_filter))


def _biases(detector: int) -> str:
    return f"bias frames of detector {detector}"


def _flats(detector: int, physical_filter: str) -> str:
    return f"flat fields of detector {detector} in {physical_filter}"


def _read(frames: Sequence[RecordedFrame], what: str) -> list[RawFrame]:
    read = []
    for frame in frames:
        try:
            read.append(read_raw(frame.path))
        except (PromptPipelinesError, OSError) as error:
            _log.warning("%s is left out: %s", frame.path, str(error).removeprefix(f"{frame.path}: "))
    if not read:
        raise SimulatorError(f"no {what} can be read" if frames else f"no {what}")
    return read
