"""The science exposures of a night that are of use."""

import logging

from prompt_pipelines.errors import PromptPipelinesError
from simulator.errors import SimulatorError
from simulator.summit.night import PlannedVisit
from workbench.reduction.single_exposures import SingleFrame
from workbench.reduction.single_frames import SingleFrames
from workbench.replay import Recording

__all__ = ["Lights", "reason_of"]

_log = logging.getLogger(__name__)


class Lights:
    """Processes science exposures; those of no use are left out, and named in the log once.

    Parameters
    ----------
    frames
        Makes them.
    night
        Knows their files.
    """

    def __init__(self, frames: SingleFrames, night: Recording) -> None:
        self._frames = frames
        self._night = night
        self._useless: set[tuple[str, int]] = set()
        self._told: set[tuple[str, int, str]] = set()

    def make(self, visit: PlannedVisit, detector: int) -> SingleFrame | None:
        """Process a visit's first snap; None if nothing can be made of it."""
        if self.is_useless(visit, detector):
            return None
        try:
            return self._frames.make(visit, detector)
        # Whatever it is that numpy, sep or a projection stumbles over, this frame alone has it.
        except Exception as error:  # noqa: BLE001 - see above
            self.reject(visit, detector, reason_of(error))
            return None

    def reject(self, visit: PlannedVisit, detector: int, reason: str) -> None:
        """Call a frame useless."""
        if not self.is_useless(visit, detector):
            self._useless.add((visit.group, detector))
            self.leave_out(visit, detector, reason)

    def leave_out(self, visit: PlannedVisit, detector: int, reason: str) -> None:
        """Say that a frame, useful or not, has no part in a template."""
        if (visit.group, detector, reason) not in self._told:
            self._told.add((visit.group, detector, reason))
            _log.warning("%s is no part of a template: %s", self.name(visit, detector), reason)

    def is_useless(self, visit: PlannedVisit, detector: int) -> bool:
        """Tell whether nothing can be made of a frame."""
        return (visit.group, detector) in self._useless

    def are_useless(self, visit: PlannedVisit) -> bool:
        """Tell whether nothing can be made of any frame of a visit."""
        return all(self.is_useless(visit, detector) for detector in visit.detectors)

    def name(self, visit: PlannedVisit, detector: int) -> str:
        """Name a frame's file."""
        return self._night.name(visit, detector)

    @property
    def useless(self) -> frozenset[tuple[str, int]]:
        """Groups and detectors of which nothing can be made, as far as they were tried."""
        return frozenset(self._useless)


def reason_of(error: Exception) -> str:
    """Say in one line what is wrong; with its kind, if nobody foresaw it."""
    text = " ".join(str(error).split())
    return (
        text
        if isinstance(error, PromptPipelinesError | SimulatorError)
        else f"{type(error).__name__}: {text}"
    )
