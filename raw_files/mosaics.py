"""Files that hold several detectors: the HDUs of one, read without the rest.

Nothing in such a file says where an HDU is but the headers of all before it. Where it must be follows from
the camera's last file, or from its number where HDUs are of one size; so it is read with a little more around
it, and known by its name. Where that fails, what was read tells more, and in the end the file is read whole.
"""

import io
from collections.abc import Sequence
from typing import Final, Protocol

from astropy.io import fits
from attrs import frozen

from raw_files.errors import RawFileError
from raw_files.gzipped import unpacked
from raw_files.hdus import StoredHdu, padded, read_hdu
from raw_files.images import Hdu

__all__ = ["MosaicReader", "Source"]

_BLOCK: Final = 2880
_HEAD: Final = 5 * _BLOCK
"""Bytes of a first look at a file of which nothing is known; many primary headers have no more."""
_MORE_HEAD: Final = 12 * _BLOCK
_SLACK: Final = 2 * _BLOCK
"""Around HDUs of one size: headers differ by some cards."""
_MARGIN: Final = 0.1
"""Of an HDU's size, before one that is compressed: their sizes differ."""
_CUT: Final = 0.03
"""Of an HDU's size, at the end of one that is compressed."""
_GZIP: Final = b"\x1f\x8b"
_FIRST: Final = b"SIMPLE  "
_NEXT: Final = b"XTENSION="
_MOST_REQUESTS: Final = 4
_ENDLESS: Final = 2**62


class Source(Protocol):
    """An object that can be read in parts."""

    def __call__(self, start: int, stop: int) -> bytes:
        """Read bytes; fewer where it ends before. One request."""
        ...

    @property
    def size(self) -> int:
        """Bytes of all of it; known after the first request."""
        ...

    @property
    def requests(self) -> int:
        """How many there were."""
        ...


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
    """How many HDUs there are behind the primary one, as far as that or the camera's file says."""


class MosaicReader:
    """Reads the HDUs of one detector after another; remembers where they were.

    Parameters
    ----------
    order
        Names of all HDUs of the camera's files, as they stand in them; in
        another order only the first file takes longer.
    """

    def __init__(self, order: Sequence[Hdu]) -> None:
        self._order = [_key(name) for name in order]
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
        if not head.startswith((_GZIP, _FIRST)):
            raise RawFileError("not a whole FITS file (it does not begin with SIMPLE)" if head else "empty")
        if head.startswith(_GZIP):
            return self._extract(unpacked(io.BytesIO(_whole(source, head))).read(), wanted)
        names = [_key(hdu) for hdu in wanted if isinstance(hdu, str)]
        known = self._look_at_head(source, head) if len(names) == len(wanted) else None
        found = None if known is None else self._find(source, known, names)
        if known is None or found is None:
            return self._extract(_whole(source, head), wanted)
        return known.primary + found

    def _look_at_head(self, source: Source, head: bytes) -> _Known | None:
        primary = _hdu_at(head, 0, 0)
        if primary is None:
            head += source(len(head), len(head) + _MORE_HEAD)
            primary = _hdu_at(head, 0, 0)
        # Pixels in it would have to be read for each detector.
        if primary is None or primary.data_size or primary.end > len(head):
            return None
        first = _hdu_at(head, primary.end, 1)
        # Of compressed HDUs the size of one says nothing of another's.
        if first is not None:
            self._head = primary.end + (0 if first.is_compressed else 3 * _BLOCK)
        self._head = max(self._head, primary.end)
        said = primary.say("NEXTEND")
        extensions = said if isinstance(said, int) and said > 0 else len(self._order)
        return _Known(
            size=source.size,
            primary=head[: primary.end],
            first=first,
            extensions=extensions,
        )

    def _find(self, source: Source, known: _Known, names: Sequence[str]) -> bytes | None:
        """Read HDUs where they should be, or where what is there says that they are; None if they are not."""
        guess = self._guess(known, names)
        # The last request is for what is missing of it, or for the whole file.
        while guess is not None and source.requests < _MOST_REQUESTS - 1:
            chunk = _Chunk(guess.start, source(guess.start, min(guess.end, known.size)))
            self._note(list(chunk.found.values()), known.size)
            if set(names) <= chunk.found.keys():
                return self._cut(source, chunk, [chunk.found[name] for name in names], known.size)
            guess = self._second_guess(known, chunk, names)
        return None

    def _guess(self, known: _Known, names: Sequence[str]) -> _Place | None:
        if set(names) <= self._places.keys():
            return self._guess_from_last(known, [self._places[name] for name in names])
        if not set(names) <= set(self._order):
            return None
        numbers = [self._order.index(name) for name in names]
        begin, first = len(known.primary), known.first
        if first is not None and not first.is_compressed:
            each = first.end - first.header_at
            start, end = begin + min(numbers) * each - _SLACK, begin + (max(numbers) + 1) * each + _SLACK
            return _Place(max(begin, start), min(end, known.size), known.size)
        share = (known.size - begin) / max(known.extensions, 1)
        return _around(begin + min(numbers) * share, begin + (max(numbers) + 1) * share, share, known.size)

    @staticmethod
    def _guess_from_last(known: _Known, places: Sequence[_Place]) -> _Place:
        if {one.size for one in places} == {known.size}:
            return _Place(min(one.start for one in places), max(one.end for one in places), known.size)
        # Compressed HDUs differ in size from file to file, more than their shares of the files do.
        start = known.size * min(one.start / one.size for one in places)
        end = known.size * max(one.end / one.size for one in places)
        return _around(start, end, (end - start) / len(places), known.size)

    def _second_guess(self, known: _Known, chunk: "_Chunk", names: Sequence[str]) -> _Place | None:
        """Say where an HDU is that is the neighbour of one that was found instead."""
        if len(names) > 1 or names[0] not in self._order:
            return None
        number = self._order.index(names[0])
        for name, hdu in chunk.found.items():
            length = hdu.end - hdu.header_at
            if name in self._order and self._order.index(name) + 1 == number:
                return _Place(hdu.end, hdu.end + padded(int((1 + _MARGIN) * length)), known.size)
            if name in self._order and self._order.index(name) - 1 == number:
                start = max(0, _down(hdu.header_at - (1 + 2 * _MARGIN) * length))
                return _Place(start, hdu.header_at, known.size) if hdu.header_at > start else None
        return None

    @staticmethod
    def _cut(source: Source, chunk: "_Chunk", hdus: Sequence[StoredHdu], size: int) -> bytes:
        """Take HDUs out of what was read, and read what of the last one is missing."""
        last = max(hdu.end for hdu in hdus)
        _check_there(hdus, size)
        content = chunk.content
        if last > chunk.start + len(content) < size:
            content += source(chunk.start + len(content), min(last, size))
        return b"".join(
            content[hdu.header_at - chunk.start : hdu.end - chunk.start].ljust(hdu.end - hdu.header_at, b"\0")
            for hdu in hdus
        )

    def _extract(self, content: bytes, wanted: Sequence[Hdu]) -> bytes:
        """Take HDUs out of a whole file; others leave empty ones, if these are known by number."""
        hdus = _walk(content)
        self._order = [_key(hdu.name) for hdu in hdus[1:]] or self._order
        self._note(hdus, len(content))
        chosen = [hdus[0]]
        for name in wanted:
            there = [hdu for hdu in hdus if name == hdu.number or _key(name) == _key(hdu.name)]
            if len(there) != 1:
                _check_there(hdus[-1:], len(content))
                labels = ", ".join(hdu.label for hdu in hdus)
                raise RawFileError(f"it has {len(there) or 'no'} HDUs that are {name} (HDUs: {labels})")
            chosen += there
        _check_there(chosen, len(content))
        kept = {hdu.number for hdu in chosen}
        if any(isinstance(name, int) for name in wanted):
            return b"".join(
                content[hdu.header_at : hdu.end] if hdu.number in kept else _EMPTY
                for hdu in hdus[: max(kept) + 1]
            )
        return b"".join(content[hdu.header_at : hdu.end] for hdu in hdus if hdu.number in kept)

    def _note(self, hdus: Sequence[StoredHdu], size: int) -> None:
        self._places |= {_key(hdu.name): _Place(hdu.header_at, hdu.end, size) for hdu in hdus if hdu.name}


class _Chunk:
    """A part of a file, and the HDUs that begin in it, by name."""

    def __init__(self, start: int, content: bytes) -> None:
        self.start = start
        self.content = content
        self.found: dict[str, StoredHdu] = {}
        at = -start % _BLOCK
        while at < len(content):
            hdu = _hdu_at(content, at, 1, start) if content.startswith(_NEXT, at) else None
            if hdu is None:
                at += _BLOCK
                continue
            self.found[_key(hdu.name)] = hdu
            at = max(hdu.end - start, at + _BLOCK)


_EMPTY: Final = fits.ImageHDU().header.tostring().encode("ascii")


def _key(name: Hdu) -> str:
    return str(name).strip().casefold()


def _around(start: float, end: float, each: float, size: int) -> _Place:
    """Begin before the place where a compressed HDU should be, since it is of no use without its header.

    What of its end is missing can be told then, and is read on its own.
    """
    return _Place(max(0, _down(start - _MARGIN * each)), min(_down(end - _CUT * each), size), size)


def _down(at: float) -> int:
    return int(at) // _BLOCK * _BLOCK


def _hdu_at(content: bytes, at: int, number: int, start: int = 0) -> StoredHdu | None:
    """Read the header of the HDU that begins at a byte; None if it is not all there, or none."""
    try:
        return read_hdu(io.BytesIO(content), number, at, _ENDLESS, start)
    # Of what is no header, astropy raises many kinds.
    except Exception:  # noqa: BLE001 - see above
        return None


def _walk(content: bytes) -> list[StoredHdu]:
    """Find the HDUs of a file of which the end may be missing."""
    primary = _hdu_at(content, 0, 0) if content.startswith(_FIRST) else None
    if primary is None:
        raise RawFileError("not a whole FITS file (its first HDU is none)")
    hdus = [primary]
    while content.startswith(_NEXT, hdus[-1].end):
        hdu = _hdu_at(content, hdus[-1].end, len(hdus))
        if hdu is None:
            break
        hdus.append(hdu)
    return hdus


def _check_there(hdus: Sequence[StoredHdu], size: int) -> None:
    for hdu in hdus:
        if (needed := hdu.data_at + hdu.data_size) > size:
            raise RawFileError(f"truncated within {hdu.name}, {size} bytes where at least {needed} belong")


def _whole(source: Source, head: bytes) -> bytes:
    return head if len(head) >= source.size else source(0, source.size)
