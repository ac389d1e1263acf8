"""What the words in headers usually mean."""

import re
from typing import Final

__all__ = ["band_of", "kind_of"]

_KINDS: Final = (
    ("bias", "bias|zero|offset"),
    ("dark", "dark"),
    ("flat", "flat|dflat|sflat|twflat"),
    ("science", "light|object|science|target|sci|exposure|expose|sky"),
)
"""Kinds of frames, by what is in the camera's word for them; the first one counts."""

_SLOAN: Final = frozenset("ugrizy")

_BANDS: Final = {
    "u": "u", "g": "g", "r": "r", "i": "i", "z": "z", "y": "y",
    "b": "g", "v": "g", "l": "r", "w": "r", "c": "r",
}  # fmt: skip
"""By a filter's first letter: Sloan's, Johnson's and Cousins' by wavelength; clear as r."""


def kind_of(word: str) -> str | None:
    """Tell which observation type a word of a header means, if it is one of those in use."""
    for kind, expression in _KINDS:
        if re.search(expression, word, re.IGNORECASE):
            return kind
    return None


def band_of(physical_filter: str) -> str | None:
    """Guess the band of a filter from its name."""
    parts = re.split(r"[^A-Za-z0-9]+", physical_filter.strip())
    for part in parts:
        if part.lower() in _SLOAN:
            return part.lower()
    # Prefixes such as those of HSC-R2 or SDSS_g say whose filter it is.
    for part in reversed(parts):
        letters = re.match("[A-Za-z]+", part)
        if letters is None:
            continue
        word = letters[0].lower()
        if word in _NAMES:
            return _NAMES[word]
        if len(word) <= 2:
            return _BANDS.get(word[0])
    return None


_NAMES: Final = {
    "clear": "r", "luminance": "r", "lum": "r", "white": "r", "empty": "r", "red": "r", "green": "g",
    "blue": "g", "visual": "g", "vr": "r", "su": "u", "sg": "g", "sr": "r", "si": "i", "sz": "z",
}  # fmt: skip
