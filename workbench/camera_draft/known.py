"""A value for a camera file, with what speaks for it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from attrs import frozen

__all__ = ["Known", "usual_number"]


@frozen(kw_only=True)
class Known:
    """A value, and where it comes from."""

    value: Any
    why: str
    """Blank if there is nothing to say."""
    is_open: bool = False
    """Whether a person must say it: the value only stands in its place."""


def usual_number(headers: Iterable[Mapping[str, object]], cards: Sequence[str]) -> tuple[float, str] | None:
    """Find the median of the first of some cards that is there and positive, and the card."""
    headers = list(headers)
    for card in cards:
        numbers = [
            float(value)
            for header in headers
            if isinstance(value := header.get(card), int | float) and value > 0
        ]
        if numbers:
            return float(np.median(numbers)), card
    return None
