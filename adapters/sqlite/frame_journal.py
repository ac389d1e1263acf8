"""The journal of frames in an SQLite file."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

from adapters.common.converters import lenient_converter
from adapters.sqlite.adapter import SqliteAdapter, row_of
from domain.raws.exposure import Exposure
from domain.raws.frame_files import Ending, FrameFile, FrameRecord, TakenFrame
from domain.raws.same_exposure import is_same
from domain.times import UtcSeconds
from ports.incoming import FrameJournalUnavailableError

__all__ = ["SqliteFrameJournal"]

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS frame_file (
    number INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL, size INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL, ending TEXT NOT NULL, reason TEXT NOT NULL, noted REAL NOT NULL,
    UNIQUE (path, size, modified_ns)
);
CREATE INDEX IF NOT EXISTS frame_file_noted ON frame_file (noted, number);
CREATE TABLE IF NOT EXISTS frame (
    file INTEGER NOT NULL REFERENCES frame_file (number), position INTEGER NOT NULL, key TEXT NOT NULL,
    is_floating INTEGER NOT NULL, instrument TEXT NOT NULL, detector INTEGER NOT NULL,
    exposure INTEGER NOT NULL, begin REAL NOT NULL, visit_group TEXT NOT NULL, contents TEXT NOT NULL,
    PRIMARY KEY (file, position)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS frame_exposure ON frame (instrument, detector, exposure);
CREATE INDEX IF NOT EXISTS frame_begin ON frame (instrument, detector, begin);
CREATE INDEX IF NOT EXISTS frame_group ON frame (instrument, visit_group);
"""
_FILES: Final = "SELECT number, path, size, modified_ns, ending, reason, noted FROM frame_file"
_THIS: Final = "path = ? AND size = ? AND modified_ns = ?"
_FRAMES: Final = """
SELECT frame_file.path, frame.key, frame.contents, frame.is_floating FROM frame
JOIN frame_file ON frame_file.number = frame.file"""
_OF_FILES: Final = f"""{_FRAMES.replace("SELECT", "SELECT file,")}
WHERE noted >= ? ORDER BY file, position"""
_NEAR: Final = f"""{_FRAMES}
WHERE instrument = ? AND detector = ? AND (exposure = ? OR begin BETWEEN ? AND ?) ORDER BY file, position"""
_OF_GROUP: Final = f"""{_FRAMES}
WHERE instrument = ? AND visit_group = ? AND ending = ? ORDER BY file, position"""
_LONGEST: Final = 86_400.0
"""Seconds that an exposure may take."""
_CONVERTER: Final = lenient_converter()


class SqliteFrameJournal(SqliteAdapter):
    """`ports.incoming.FrameJournal`; of paths, what is no Unicode comes back escaped.

    Parameters
    ----------
    address, timeout
        As for `adapters.sqlite.file.SqliteFile`.
    """

    def __init__(self, address: str, *, timeout: float = 5.0) -> None:
        super().__init__(
            address,
            what="journal of frames",
            schema=_SCHEMA,
            unavailable=FrameJournalUnavailableError,
            timeout=timeout,
        )

    async def find(self, file: FrameFile) -> FrameRecord | None:
        """Find the record of a file as it is."""

        def find(connection: sqlite3.Connection) -> FrameRecord | None:
            row = row_of(connection, f"{_FILES} WHERE {_THIS}", str(file), file.size, file.modified_ns)
            if row is None:
                return None
            frames = connection.execute(f"{_FRAMES} WHERE file = ? ORDER BY position", (row[0],)).fetchall()
            return _record(row, map(_frame, frames))

        return await self._read(find)

    async def near(self, exposure: Exposure) -> Sequence[TakenFrame]:
        """Find kept frames of the same exposure and detector."""
        earliest, latest = exposure.begin - _LONGEST, exposure.begin + max(exposure.exposure_time, 1.0)
        values = (exposure.instrument, exposure.detector, exposure.exposure, earliest, latest)
        found = await self._read(lambda connection: connection.execute(_NEAR, values).fetchall())
        return [frame for frame in map(_frame, found) if is_same(frame.exposure, exposure)]

    async def of_group(self, instrument: str, group: str) -> Sequence[TakenFrame]:
        """Find the frames of a group that were published."""
        values = (instrument, group, Ending.TAKEN.value)
        found = await self._read(lambda connection: connection.execute(_OF_GROUP, values).fetchall())
        return [_frame(row) for row in found]

    async def note(self, record: FrameRecord) -> None:
        """Note what became of a file."""
        await self._change(lambda connection: _note(connection, record))

    async def records(self, since: UtcSeconds | None = None) -> Sequence[FrameRecord]:
        """List what was noted since then."""

        def read(connection: sqlite3.Connection) -> list[FrameRecord]:
            query = f"{_FILES} WHERE noted >= ? ORDER BY noted, number"
            earliest = (0.0 if since is None else since,)
            # Before their frames: those of a file that is noted meanwhile are there as well.
            files = connection.execute(query, earliest).fetchall()
            frames: dict[int, list[TakenFrame]] = defaultdict(list)
            for file, *row in connection.execute(_OF_FILES, earliest):
                frames[file].append(_frame(row))
            return [_record(row, frames[row[0]]) for row in files]

        return await self._read(read)


def _note(connection: sqlite3.Connection, record: FrameRecord) -> None:
    file = record.file
    this = (str(file), file.size, file.modified_ns)
    connection.execute(
        f"DELETE FROM frame WHERE file IN (SELECT number FROM frame_file WHERE {_THIS})",  # noqa: S608 - a constant
        this,
    )
    connection.execute(f"DELETE FROM frame_file WHERE {_THIS}", this)  # noqa: S608 - a constant
    number = connection.execute(
        "INSERT INTO frame_file (path, size, modified_ns, ending, reason, noted) VALUES (?, ?, ?, ?, ?, ?)",
        (*this, record.ending.value, record.reason, record.noted),
    ).lastrowid
    connection.executemany(
        "INSERT INTO frame VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(number, position, *_row(frame)) for position, frame in enumerate(record.frames)],
    )


def _row(frame: TakenFrame) -> tuple[Any, ...]:
    exposure = frame.exposure
    contents = json.dumps(_CONVERTER.unstructure(exposure))
    return (
        frame.key, frame.is_floating, exposure.instrument, exposure.detector, exposure.exposure,
        exposure.begin, exposure.group, contents,
    )  # fmt: skip


def _record(row: tuple[Any, ...], frames: Iterable[TakenFrame]) -> FrameRecord:
    _, path, size, modified_ns, ending, reason, noted = row
    return FrameRecord(
        file=FrameFile(path=path, size=size, modified_ns=modified_ns),
        ending=Ending(ending),
        reason=reason,
        frames=tuple(frames),
        noted=UtcSeconds(noted),
    )


def _frame(row: Sequence[Any]) -> TakenFrame:
    path, key, contents, is_floating = row
    exposure = _CONVERTER.structure(json.loads(contents), Exposure)
    return TakenFrame(path=path, key=key, exposure=exposure, is_floating=bool(is_floating))
