"""How much memory a file may ask for: a thousand bytes can stand for any number of them."""

from typing import Final

from raw_files.errors import RawFileError

__all__ = ["LARGEST", "check_expansion"]

LARGEST: Final = 4 << 30
"""Bytes; the largest raws of mosaics have two thousand million."""
_UNASKED: Final = 256 << 20
"""Bytes that anything may become, such as a frame of nothing but zeros."""
_MOST_TIMES: Final = 100
"""An image of a sky is packed to a tenth at the best."""


def check_expansion(packed: int, unpacked: int) -> None:
    """Refuse what would become too large, or what no image is packed so well for.

    Parameters
    ----------
    packed, unpacked
        Bytes before and after; what has come, if the end is not known yet.

    Raises
    ------
    RawFileError
        Raised if it is refused.
    """
    if unpacked > LARGEST or unpacked > max(_UNASKED, _MOST_TIMES * packed):
        raise RawFileError(f"{packed} bytes would become {unpacked} or more, which no raw has")
