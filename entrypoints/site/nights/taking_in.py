"""Take the files of a night into a site, and see them processed."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from attrs import define, field

from domain.raws.frame_files import Ending, FrameFile, FrameRecord
from domain.visit import Identity
from entrypoints.containers.site import SiteContainer
from entrypoints.site.display import Display

__all__ = ["PastFiles", "Progress"]

_LOOK_EVERY: Final = 1.0
_SAY_EVERY: Final = 10.0


@define(kw_only=True)
class PastFiles:
    """Files of the past, and how far they are."""

    folder: Path
    files: Sequence[FrameFile]
    records: dict[FrameFile, FrameRecord] = field(factory=dict)
    """What became of each."""
    is_finished: bool = False
    """Whether all were taken in, and nothing of them waits to be processed."""

    @property
    def identities(self) -> frozenset[Identity]:
        """What is to be processed of it."""
        return frozenset(
            Identity(frame.exposure.instrument, frame.exposure.group, frame.exposure.detector)
            for record in self.records.values()
            if record.ending is Ending.TAKEN
            for frame in record.frames
        )

    async def feed(self, site: SiteContainer, display: Display) -> None:
        """Take it in, and wait until nothing is left to do in the site (`entrypoints.site.run.Feed`)."""
        display.say(f"{display.title}; {len(self.files)} files come from {self.folder}")
        await self.take_in(site, display)
        progress = Progress(display, "images processed")
        while True:
            left = (await site.upkeep().depth()).unfinished
            if not left:
                break
            done = sum(display.outcomes.values())
            progress.show(done, done + left)
            await asyncio.sleep(_LOOK_EVERY)
        self.is_finished = True

    async def take_in(self, site: SiteContainer, display: Display) -> None:
        """Take all its files in, each to an ending in the journal."""
        intake, journal = site.intake(), site.journal()
        progress = Progress(display, "files looked at")
        for number, file in enumerate(self.files):
            progress.show(number, len(self.files))
            await intake.take_in([file])
        # Those that may be copies of others.
        await intake.take_in([])
        for file in self.files:
            record = await journal.find(file)
            if record is not None:
                self.records[file] = record


class Progress:
    """Shows how far something is: on a terminal always, elsewhere in a line now and then."""

    def __init__(self, display: Display, what: str) -> None:
        self._display = display
        self._what = what
        self._begun = self._said = time.monotonic()

    def show(self, done: int, total: int) -> None:
        """Show that so many are done."""
        now = time.monotonic()
        left = f", {(now - self._begun) / done * (total - done):.0f} s left" if done else ""
        self._display.progress = f"{self._what}: {done} of {total}{left}"
        if not self._display.console.is_terminal and now - self._said >= _SAY_EVERY:
            self._said = now
            self._display.say(self._display.progress)
