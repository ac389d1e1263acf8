"""Names of known bodies, read from identifiers that are packed designations."""

from typing import Final

__all__ = ["body_name", "is_number"]

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_NUMBERS_BY_LETTER: Final = 620_000  # from there on numbers are written to base 62


def body_name(body_id: int) -> str:
    """Write the designation of a body, such as ``(5945)`` or ``2019 AB1``; blank if there is none.

    Identifiers are Rubin's: the ASCII characters of the Minor Planet Center's packed designation as a number.
    """
    if body_id <= 0:
        return ""
    packed = body_id.to_bytes(8).lstrip(b"\0").decode("ascii", "replace")
    try:
        return _unpacked(packed)
    except (ValueError, IndexError):
        return packed


def is_number(name: str) -> bool:
    """Tell whether a designation is a number."""
    return name.startswith("(")


def _unpacked(packed: str) -> str:
    if len(packed) == 5:
        if packed[0] == "~":
            number = _NUMBERS_BY_LETTER
            for power, digit in enumerate(reversed(packed[1:])):
                number += _DIGITS.index(digit) * len(_DIGITS) ** power
            return f"({number})"
        return f"({_DIGITS.index(packed[0]) * 10_000 + int(packed[1:])})"
    if len(packed) != 7:
        return packed
    if packed[2] == "S" and packed[3:].isdecimal():
        return f"{packed[3:]} {packed[0]}-{'L' if packed[0] == 'P' else packed[1]}"
    cycle = _DIGITS.index(packed[4]) * 10 + int(packed[5])
    return f"{_DIGITS.index(packed[0])}{int(packed[1:3]):02d} {packed[3]}{packed[6]}{cycle or ''}"
