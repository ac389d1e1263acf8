"""What processes logged, found in a folder of their log files."""

import asyncio
import heapq
import json
import mmap
from collections.abc import Iterator, Sequence
from pathlib import Path

from domain.times import utc_from_text
from domain.visit import Identity
from ports.night_board import LogLine

__all__ = ["FolderLogArchive"]


class FolderLogArchive:
    """`ports.night_board.LogArchive` of JSON lines in ``*.log``.

    Files are searched as they are at the time of asking, so that a running
    night's are as well.

    Parameters
    ----------
    folder
        Where the files are; None if logs go elsewhere.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    @property
    def place(self) -> str:
        """Say where the logs are, for people."""
        if self._folder is None:
            return "not within reach: each process logs to its standard error"
        return str(self._folder)

    async def lines(self, identity: Identity, limit: int = 500) -> Sequence[LogLine]:
        """List the last lines about a visit-detector."""
        return await asyncio.to_thread(self._lines, identity, limit)

    def _lines(self, identity: Identity, limit: int) -> Sequence[LogLine]:
        if self._folder is None:
            return []
        word = json.dumps(identity.group, ensure_ascii=False).encode()
        found = (
            line
            for path in sorted(self._folder.glob("*.log"))
            for text in _lines_with(path, word)
            if (line := _about(text, identity)) is not None
        )
        latest = heapq.nlargest(limit, enumerate(found), key=lambda pair: (pair[1].at, pair[0]))
        return [line for _, line in reversed(latest)]


def _lines_with(path: Path, word: bytes) -> Iterator[bytes]:
    """Find the lines of a file with a word in them; of one that is gone meanwhile, none."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            position = content.find(word)
            while position >= 0:
                begin = content.rfind(b"\n", 0, position) + 1
                end = content.find(b"\n", position)
                if end < 0:
                    return  # It is being written.
                yield content[begin:end]
                position = content.find(word, end)
    except (OSError, ValueError):  # An empty file cannot be mapped.
        return


def _about(text: bytes, identity: Identity) -> LogLine | None:
    """Read a line, if it is about a visit-detector; what no logger of ours wrote is about none."""
    try:
        record = json.loads(text)
        if (record.get("group"), record.get("detector")) != (identity.group, identity.detector):
            return None
        if record.get("instrument", identity.instrument) != identity.instrument:
            return None
        message = "\n".join(str(record[key]) for key in ("message", "exc_info") if record.get(key))
        return LogLine(
            at=utc_from_text(str(record["time"])),
            level=str(record.get("level", "")),
            # In lines of earlier releases the service stands where its number stands now.
            process=str(record.get("service", record.get("process", ""))),
            logger=str(record.get("logger", "")),
            text=message,
            stage=str(record.get("stage", "")),
        )
    except (ValueError, LookupError, AttributeError):
        return None
