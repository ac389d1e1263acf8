"""What the name of a file says of it."""

import re
from typing import Final

__all__ = ["looks_packed", "split_name"]

_NAME: Final = re.compile(r"(.+)\.(?:fits?|fts)(\.(?:fz|gz))?", re.IGNORECASE | re.DOTALL)
_OTHERWISE: Final = re.compile(r".+\.(?:fits?|fts)[^a-z0-9].*|.+\.(?:fits?|fts)~", re.IGNORECASE | re.DOTALL)


def split_name(name: str) -> tuple[str, str] | None:
    """Split the name of a FITS file into its stem and its suffix, written as most do.

    ``.fits``, ``.fit`` and ``.fts`` are the same in any letter case, with ``.fz`` or ``.gz`` behind or
    not; None if it has none of them.
    """
    match = _NAME.fullmatch(name)
    return None if match is None else (match[1], f".fits{(match[2] or '').lower()}")


def looks_packed(name: str) -> bool:
    """Tell whether a file is named as a FITS file is, and packed or changed by something that is not read."""
    return split_name(name) is None and _OTHERWISE.fullmatch(name) is not None
