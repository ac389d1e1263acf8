"""Identifiers of bodies: the Minor Planet Center's packed designation, read as a number.

So does Rubin's ``ssObjectId``, and the designation can be read from it again.
"""

from prompt_pipelines.errors import PromptPipelinesError

__all__ = ["BadDesignationError", "packed", "ss_object_id"]

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LONGEST = 8  # characters, in 64 bits
_NUMBERS_BY_LETTER = 620_000  # from there on numbers are written to base 62


class BadDesignationError(PromptPipelinesError):
    """A designation is none that can be packed."""


def ss_object_id(designation: str) -> int:
    """Make the identifier of a body.

    Parameters
    ----------
    designation
        Packed or not, of a number or provisional.

    Raises
    ------
    BadDesignationError
        Raised if it cannot be packed.
    """
    return int.from_bytes(packed(designation).encode("ascii"))


def packed(designation: str) -> str:
    """Pack a designation, as https://minorplanetcenter.net/iau/info/PackedDes.html says.

    Raises
    ------
    BadDesignationError
        Raised if it cannot be packed.
    """
    text = designation.strip().strip("()")
    year, _, rest = text.partition(" ")
    try:
        if text.isdecimal():
            return _number(int(text))
        if rest and not rest.startswith(("P-L", "T-")):
            return _provisional(year, rest)
        if rest:
            return f"{'PLS' if rest == 'P-L' else f'T{rest[2]}S'}{int(year):04d}"
    except (ValueError, IndexError) as error:
        raise BadDesignationError(f"{designation!r} is no designation of a body: {error}") from error
    if not text or len(text) > _LONGEST or not text.isascii():
        raise BadDesignationError(
            f"{designation!r} is no designation of a body: it has not 1 to {_LONGEST} ASCII characters"
        )
    return text


def _number(number: int) -> str:
    if number < _NUMBERS_BY_LETTER:
        return f"{_DIGITS[number // 10_000]}{number % 10_000:04d}"
    left, text = number - _NUMBERS_BY_LETTER, ""
    for _ in range(4):
        left, digit = divmod(left, len(_DIGITS))
        text = _DIGITS[digit] + text
    return f"~{text}"


def _provisional(year: str, rest: str) -> str:
    cycle = int(rest[2:] or 0)
    return f"{_DIGITS[int(year[:-2])]}{year[-2:]}{rest[0]}{_DIGITS[cycle // 10]}{cycle % 10}{rest[1]}"
