"""Take in files of frames as they come, each to an ending in the journal."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

from attrs import frozen

from application.intake.keep_frames import FrameKeeping
from application.intake.sorting import Settled
from application.intake.waiting_files import WaitingFiles
from application.retrying import retried
from domain.errors import PromptProcessingError
from domain.raws.frame_files import Ending, FrameFile, FrameRecord, TakenFrame
from ports.clock import Clock
from ports.incoming import (
    FileGoneError,
    FileNotWholeError,
    FrameContents,
    FrameJournal,
    FrameReader,
    IncomingFiles,
)
from ports.metrics import Counter, Metrics
from ports.neighbours import NeighbourUnavailableError

__all__ = ["FrameIntake", "IntakePolicy"]

_LOG = logging.getLogger(__name__)

_NOT_FINAL: Final = frozenset({Ending.REFUSED, Ending.UNFINISHED})
"""Tried again after a restart: the camera's file may be another, or the disk whole."""
_LULL: Final = 0.2
"""Seconds without another file after which those with floating-point pixels are dealt with."""
_SAID: Final = {
    Ending.TAKEN: (logging.INFO, "%s is taken: %s"),
    Ending.CALIBRATION: (logging.INFO, "%s is kept for calibrations: %s"),
    Ending.KEPT: (logging.WARNING, "%s is kept, and not processed: %s"),
    Ending.COPY: (logging.WARNING, "%s is left out: %s"),
    Ending.DIFFERS: (logging.ERROR, "%s stays where it is, and is not processed: %s"),
    Ending.REFUSED: (logging.ERROR, "%s stays where it is, and is not processed: %s"),
    Ending.UNFINISHED: (logging.ERROR, "%s is given up until somebody writes to it: %s"),
}
"""What is said of a file, and how loudly."""


@frozen(kw_only=True)
class IntakePolicy:
    """How patient the intake is; all in seconds."""

    settle: float = 10.0
    """Since the last change of a file that is no raw, or lacks detectors: it may be being written."""
    give_up: float = 3600.0
    """Since the last change of a file that is not whole."""
    look_again: float = 10.0
    """Before the first further look at a file that is waited for; doubled each time,"""
    longest_look_again: float = 300.0
    """but no longer than this."""
    retry_delay: float = 1.0
    """Before what failed because a neighbour is away is tried again; doubled each time,"""
    longest_retry_delay: float = 30.0
    """but no longer than this."""


class FrameIntake:
    """Reads files, has what is new in them kept and published, and writes the journal.

    Nothing is noted before it is done, and all that is done may be done again: a
    file whose process was killed is dealt with anew by the next one.
    """

    def __init__(
        self,
        *,
        instrument: str,
        policy: IntakePolicy,
        incoming: IncomingFiles,
        reader: FrameReader,
        keeping: FrameKeeping,
        journal: FrameJournal,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._instrument = instrument
        self._policy = policy
        self._incoming = incoming
        self._reader = reader
        self._keeping = keeping
        self._journal = journal
        self._clock = clock
        self._metrics = metrics
        self._floating: dict[str, tuple[FrameFile, FrameContents]] = {}
        self._waiting = WaitingFiles(policy.look_again, policy.longest_look_again)

    async def run(self) -> None:
        """Serve until cancelled."""
        while True:
            await self.take_in(await self._next())

    async def _next(self) -> Sequence[FrameFile]:
        """Await files, or the time to look again at those that are waited for; none in a lull."""
        batch: Sequence[FrameFile] = ()
        times = (self._waiting.next_due, _now() + _LULL if self._floating else None)
        try:
            async with asyncio.timeout_at(min((time for time in times if time is not None), default=None)):
                batch = await self._incoming.batch()
        except TimeoutError:
            pass
        return [*batch, *self._waiting.due(_now(), batch)]

    async def take_in(self, files: Sequence[FrameFile]) -> None:
        """Deal with files; with those of floating-point pixels, which may be copies, once there are none."""
        for file in files:
            contents = await self._retried(partial(self._read, file))
            if contents is None:
                continue
            if any(frame.is_floating for frame in contents.frames):
                self._floating[file.path] = (file, contents)
            else:
                await self._retried(partial(self._keep, file, contents))
        if not files:
            floating, self._floating = self._floating, {}
            for file, contents in floating.values():
                await self._retried(partial(self._keep, file, contents))

    async def _read(self, file: FrameFile) -> FrameContents | None:
        """Read a file that is not settled; None if there is nothing to do now."""
        record = await self._journal.find(file)
        if record is not None and record.ending not in _NOT_FINAL:
            self._waiting.drop(file)
            return None
        contents = await self._tried(file, self._reader.read(file))
        if (
            contents is not None
            and contents.lacking
            and self._waits(file, contents.lacking, self._policy.settle)
        ):
            return None
        return contents

    async def _keep(self, file: FrameFile, contents: FrameContents) -> None:
        settled = await self._tried(file, self._keeping.keep(file, contents))
        if settled is not None:
            await self._settle(file, settled)

    async def _tried[T](self, file: FrameFile, step: Awaitable[T]) -> T | None:
        """Await a step; None if the file cannot be dealt with, or not now."""
        try:
            return await step
        except NeighbourUnavailableError:
            raise
        except FileGoneError:
            _LOG.info("%s was taken away before it was dealt with", file)
            self._waiting.drop(file)
        except FileNotWholeError as error:
            await self._wait_or_settle(file, Settled(Ending.UNFINISHED, str(error)), self._policy.give_up)
        except PromptProcessingError as error:
            await self._wait_or_settle(file, Settled(Ending.REFUSED, str(error)), self._policy.settle)
        except Exception as error:  # noqa: BLE001 - a fault of one file must not keep all others from being taken
            _LOG.exception("%s cannot be dealt with; please report this", file)
            await self._settle(file, Settled(Ending.REFUSED, f"unexpected {error!r}"))
        return None

    async def _wait_or_settle(self, file: FrameFile, settled: Settled, patience: float) -> None:
        if not self._waits(file, settled.reason, patience):
            await self._settle(file, settled)

    def _waits(self, file: FrameFile, reason: str, patience: float) -> bool:
        """Wait for a file unless nobody has written to it for so long, by whichever clock says more."""
        now = _now()
        age = max(self._clock.utc() - file.modified, self._waiting.waited(file, now))
        if age < patience and self._waiting.add(file, now, patience - age):
            _LOG.info("%s is waited for: %s", file, reason)
        return age < patience

    async def _settle(self, file: FrameFile, settled: Settled) -> None:
        self._waiting.drop(file)
        if settled.ending in _NOT_FINAL:
            before = await self._journal.find(file)
            if before is not None and (before.ending, before.reason) == (settled.ending, settled.reason):
                return
        frames = tuple(
            TakenFrame(path=file.path, key=one.key, exposure=one.exposure, is_floating=one.is_floating)
            for one in settled.frames
        )
        await self._journal.note(
            FrameRecord(
                file=file,
                ending=settled.ending,
                reason=settled.reason,
                frames=frames,
                noted=self._clock.utc(),
            )
        )
        self._metrics.count(Counter.FRAME_FILES, instrument=self._instrument, ending=settled.ending.value)
        level, text = _SAID[settled.ending]
        level = max(level, logging.WARNING) if settled.reason else level
        _LOG.log(level, text, file, "; ".join(filter(None, [_described(settled), settled.reason])))

    async def _retried[T](self, call: Callable[[], Awaitable[T]]) -> T:
        policy = self._policy
        return await retried(
            call, NeighbourUnavailableError, _LOG, policy.retry_delay, policy.longest_retry_delay
        )


def _now() -> float:
    return asyncio.get_running_loop().time()


def _described(settled: Settled) -> str:
    """Name exposure, group and detectors of what is kept; blank if nothing is."""
    if not settled.frames:
        return ""
    first = settled.frames[0].exposure
    detectors = ", ".join(str(frame.exposure.detector) for frame in settled.frames)
    return f"{first.observation_type} exposure {first.exposure} of group {first.group}, detectors {detectors}"
