"""Files that hold several detectors: the HDUs of one, read without the rest.

Nothing in such a file says where an HDU is but the headers of all before it. Where it must be follows from
the camera's last file, or from its number where HDUs are of one size; so it is read with a little more around
it, and known by its name. Where the file is not what the camera's file says, a look at one or two headers
tells how many HDUs are missing before it; and where nothing helps, the headers of all HDUs are read, one
after the other, which the next file is spared.
"""

import io
from collections.abc import Callable, Sequence
from typing import Final

from attrs import frozen

from raw_files.errors import RawFileError
from raw_files.gzipped import unpacked
from raw_files.hdus import StoredHdu, padded
from raw_files.images import Hdu
from raw_files.mosaics.parts import (
    BLOCK,
    EMPTY,
    FIRST,
    Chunk,
    Shifts,
    Source,
    check_there,
    down,
    hdu_at,
    key_of,
    walk,
    walk_headers,
)

__all__ = ["MosaicReader", "Source"]

_HEAD: Final = 5 * BLOCK
"""Bytes of a first look at a file of which nothing is known; many primary headers have no more."""
_MORE_HEAD: Final = 12 * BLOCK
_SLACK: Final = 2 * BLOCK
"""Around HDUs of one size: headers differ by some cards."""
_MARGIN: Final = 0.1
"""Of an HDU's size, before one that is compressed: their sizes differ."""
_CUT: Final = 0.03
"""Of an HDU's size, at the end of one that is compressed."""
_GZIP: Final = b"\x1f\x8b"
_MOST_REQUESTS: Final = 4


@frozen
class _Place:
    """Where an HDU is in a file, with its header and padding."""

    start: int
    end: int
    size: int
    """Of the file."""


@frozen(kw_only=True, eq=False)
class _Known:
    """What is known of a file that is being read."""

    size: int
    primary: bytes
    """All of its first HDU."""
    first: StoredHdu | None
    """The one behind it, if its header was read."""
    extensions: int
    """How many HDUs there are behind the primary one, as far as that, the size or the camera's file says."""


class MosaicReader:
    """Reads the HDUs of one detector after another; remembers where they were.

    Parameters
    ----------
    order
        Names of all HDUs of the camera's files, as they stand in them; of
        files in another order the first takes a request for each HDU.
    """

    def __init__(self, order: Sequence[Hdu]) -> None:
        self._order = [key_of(name) for name in order]
        self._head = _HEAD
        self._places: dict[str, _Place] = {}

    def read(self, source: Source, wanted: Sequence[Hdu]) -> bytes:
        """Read the primary HDU and those of a detector, as a FITS file of their own.

        Raises
        ------
        RawFileError
            Raised if one of them is not there, or not all of it, or if this is no FITS file.
        """
        head = source(0, self._head)
        if not head.startswith((_GZIP, FIRST)):
            raise RawFileError("not a whole FITS file (it does not begin with SIMPLE)" if head else "empty")
        if head.startswith(_GZIP):
            return self._extract(unpacked(io.BytesIO(_whole(source, head))).read(), wanted)
        known = self._look_at_head(source, head)
        if known is None:
            return self._extract(_whole(source, head), wanted)
        names = [key_of(hdu) for hdu in wanted if isinstance(hdu, str)]
        found = self._find(source, known, names) if len(names) == len(wanted) else None
        return self._walk(source, known, wanted) if found is None else known.primary + found

    def _look_at_head(self, source: Source, head: bytes) -> _Known | None:
        primary = hdu_at(head, 0, 0)
        if primary is None:
            head += source(len(head), len(head) + _MORE_HEAD)
            primary = hdu_at(head, 0, 0)
        # Pixels in it would have to be read for each detector.
        if primary is None or primary.data_size or primary.end > len(head):
            return None
        first = hdu_at(head, primary.end, 1)
        # Of compressed HDUs the size of one says nothing of another's.
        if first is not None:
            self._head = primary.end + (0 if first.is_compressed else 3 * BLOCK)
        self._head = max(self._head, primary.end)
        said, extensions = primary.say("NEXTEND"), len(self._order)
        if isinstance(said, int) and said > 0:
            extensions = said
        elif first is not None and not first.is_compressed:
            extensions = round((source.size - primary.end) / (first.end - first.header_at))
        return _Known(
            size=source.size,
            primary=head[: primary.end],
            first=first,
            extensions=extensions,
        )

    def _find(self, source: Source, known: _Known, names: Sequence[str]) -> bytes | None:
        """Read HDUs where they should be, or where what is there says that they are; None if they are not."""
        guess = self._guess(source, known, names)
        # The last request is for what is missing of it.
        while guess is not None and source.requests < _MOST_REQUESTS:
            chunk = Chunk(guess.start, source(guess.start, min(guess.end, known.size)))
            self._note(list(chunk.found.values()), known.size)
            if set(names) <= chunk.found.keys():
                return self._cut(source, chunk, [chunk.found[name] for name in names], known.size)
            guess = self._second_guess(known, chunk, names) if source.requests < _MOST_REQUESTS - 1 else None
        return None

    def _guess(self, source: Source, known: _Known, names: Sequence[str]) -> _Place | None:
        last = [self._places[name] for name in names if name in self._places]
        is_compressed = known.first is None or known.first.is_compressed
        if len(last) == len(names) and (is_compressed or {place.size for place in last} == {known.size}):
            return self._guess_from_last(known, last)
        if not set(names) <= set(self._order):
            return None
        numbers = [self._order.index(name) for name in names]
        begin, first = len(known.primary), known.first
        is_first = first is None or key_of(first.name) == self._order[0]
        is_as_said = is_first and known.extensions == len(self._order)
        if first is not None and not first.is_compressed:
            each = first.end - first.header_at
            shift = 0 if is_as_said else self._shift(source, known, min(numbers), first)
            if shift is None:
                return None
            start = begin + (min(numbers) + shift) * each - _SLACK
            end = begin + (max(numbers) + shift + 1) * each + _SLACK
            return _Place(max(begin, start), min(end, known.size), known.size)
        # What is in the place of a compressed one would be read in vain.
        if not is_as_said:
            return None
        share = (known.size - begin) / max(known.extensions, 1)
        return _around(begin + min(numbers) * share, begin + (max(numbers) + 1) * share, share, known.size)

    def _shift(self, source: Source, known: _Known, wanted: int, first: StoredHdu) -> int | None:
        """Find by how many places an HDU is elsewhere than in the camera's order; None if that is not told.

        HDUs that are missing, or that the camera's file does not know, shift all behind them, and those of
        one size can be looked at wherever they are.
        """
        begin, each = len(known.primary), first.end - first.header_at
        shifts = Shifts(wanted, len(self._order), known.extensions)
        seen, place = first, 0
        while (name := key_of(seen.name)) in self._order:
            if not shifts.narrow(self._order.index(name), place):
                return None
            if shifts.least == shifts.most:
                return shifts.most
            # The last is for the HDU itself.
            if source.requests >= _MOST_REQUESTS - 1:
                return None
            at = max(begin, begin + (wanted + shifts.middle) * each - BLOCK)
            found = Chunk(at, source(at, at + first.data_at - first.header_at + 2 * BLOCK)).found
            if len(found) != 1:
                return None
            (seen,) = found.values()
            self._note([seen], known.size)
            place = round((seen.header_at - begin) / each)
        return None

    @staticmethod
    def _guess_from_last(known: _Known, places: Sequence[_Place]) -> _Place:
        if {one.size for one in places} == {known.size}:
            return _Place(min(one.start for one in places), max(one.end for one in places), known.size)
        # Compressed HDUs differ in size from file to file, more than their shares of the files do.
        start = known.size * min(one.start / one.size for one in places)
        end = known.size * max(one.end / one.size for one in places)
        return _around(start, end, (end - start) / len(places), known.size)

    def _second_guess(self, known: _Known, chunk: Chunk, names: Sequence[str]) -> _Place | None:
        """Say where an HDU is that is the neighbour of one that was found instead."""
        if len(names) > 1 or names[0] not in self._order:
            return None
        number = self._order.index(names[0])
        for name, hdu in chunk.found.items():
            length = hdu.end - hdu.header_at
            if name in self._order and self._order.index(name) + 1 == number:
                return _Place(hdu.end, hdu.end + padded(int((1 + _MARGIN) * length)), known.size)
            if name in self._order and self._order.index(name) - 1 == number:
                start = max(0, down(hdu.header_at - (1 + 2 * _MARGIN) * length))
                return _Place(start, hdu.header_at, known.size) if hdu.header_at > start else None
        return None

    @staticmethod
    def _cut(source: Source, chunk: Chunk, hdus: Sequence[StoredHdu], size: int) -> bytes:
        """Take HDUs out of what was read, and read what of the last one is missing."""
        last = max(hdu.end for hdu in hdus)
        check_there(hdus, size)
        content = chunk.content
        if last > chunk.start + len(content) < size:
            content += source(chunk.start + len(content), min(last, size))
        return b"".join(
            content[hdu.header_at - chunk.start : hdu.end - chunk.start].ljust(hdu.end - hdu.header_at, b"\0")
            for hdu in hdus
        )

    def _walk(self, source: Source, known: _Known, wanted: Sequence[Hdu]) -> bytes:
        """Read HDUs after the headers of all, which the next file is read by."""
        primary = hdu_at(known.primary, 0, 0)
        hdus = [*([] if primary is None else [primary]), *walk_headers(source, len(known.primary))]
        chosen = self._choose(hdus, wanted, known.size)
        return self._join(
            hdus, chosen, wanted, lambda hdu: known.primary if hdu is primary else _read(source, hdu)
        )

    def _extract(self, content: bytes, wanted: Sequence[Hdu]) -> bytes:
        """Take HDUs out of a whole file; others leave empty ones, if these are known by number."""
        hdus = walk(content)
        chosen = self._choose(hdus, wanted, len(content))
        return self._join(hdus, chosen, wanted, lambda hdu: content[hdu.header_at : hdu.end])

    def _choose(self, hdus: Sequence[StoredHdu], wanted: Sequence[Hdu], size: int) -> set[int]:
        """Find HDUs among all of a file, by number; with the primary one."""
        self._order = [key_of(hdu.name) for hdu in hdus[1:]] or self._order
        self._note(hdus, size)
        chosen = [hdus[0]]
        for name in wanted:
            there = [hdu for hdu in hdus if name == hdu.number or key_of(name) == key_of(hdu.name)]
            if len(there) != 1:
                check_there(hdus[-1:], size)
                labels = ", ".join(hdu.label for hdu in hdus)
                raise RawFileError(f"it has {len(there) or 'no'} HDUs that are {name} (HDUs: {labels})")
            chosen += there
        check_there(chosen, size)
        return {hdu.number for hdu in chosen}

    @staticmethod
    def _join(
        hdus: Sequence[StoredHdu],
        chosen: set[int],
        wanted: Sequence[Hdu],
        read: Callable[[StoredHdu], bytes],
    ) -> bytes:
        """Make a file of some HDUs; if these are known by number, others before them leave empty ones."""
        if any(isinstance(name, int) for name in wanted):
            return b"".join(read(hdu) if hdu.number in chosen else EMPTY for hdu in hdus[: max(chosen) + 1])
        return b"".join(read(hdu) for hdu in hdus if hdu.number in chosen)

    def _note(self, hdus: Sequence[StoredHdu], size: int) -> None:
        self._places |= {key_of(hdu.name): _Place(hdu.header_at, hdu.end, size) for hdu in hdus if hdu.name}


def _around(start: float, end: float, each: float, size: int) -> _Place:
    """Begin before the place where a compressed HDU should be, since it is of no use without its header.

    What of its end is missing can be told then, and is read on its own.
    """
    return _Place(max(0, down(start - _MARGIN * each)), min(down(end - _CUT * each), size), size)


def _whole(source: Source, head: bytes) -> bytes:
    return head if len(head) >= source.size else source(0, source.size)


def _read(source: Source, hdu: StoredHdu) -> bytes:
    return source(hdu.header_at, hdu.end).ljust(hdu.end - hdu.header_at, b"\0")
