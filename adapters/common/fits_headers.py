"""The cards at the beginning of a FITS file, without what astropy takes of memory."""

import contextlib
import zlib
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["HEADER_BYTES", "header_cards"]

HEADER_BYTES: Final = 262_144
"""What is read of an image for its header; real ones have some 30,000 bytes, packed less."""
_CARD: Final = 80
_MOST_UNPACKED: Final = 4 * HEADER_BYTES


def header_cards(beginning: bytes) -> Mapping[str, Any] | None:
    """Read the cards of the first header; None if it is no FITS file, or its header does not end there.

    Parameters
    ----------
    beginning
        The first bytes of a file, which may be gzipped.
    """
    if beginning.startswith(b"\x1f\x8b"):
        try:
            beginning = zlib.decompressobj(wbits=31).decompress(beginning, _MOST_UNPACKED)
        except zlib.error:
            return None
    if not beginning.startswith(b"SIMPLE  ="):
        return None
    cards: dict[str, Any] = {}
    for place in range(0, len(beginning) - _CARD + 1, _CARD):
        card = beginning[place : place + _CARD].decode("ascii", errors="replace")
        keyword = card[:8].rstrip()
        if keyword == "END":
            return cards
        if card[8:10] == "= " and keyword not in cards:
            cards[keyword] = _value(card[10:].strip())
    return None


def _value(text: str) -> str | int | float | bool | None:
    if text.startswith("'"):
        # Two quotes are one; what follows a single one is the comment.
        body = text[1:].replace("''", "\0").partition("'")[0]
        return body.replace("\0", "'").rstrip()
    word = text.partition("/")[0].strip()
    if word in {"T", "F"}:
        return word == "T"
    with contextlib.suppress(ValueError):
        return int(word)
    with contextlib.suppress(ValueError):
        return float(word.replace("D", "E"))
    return word or None
