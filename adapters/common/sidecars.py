"""Sidecars as stores hold them."""

import json
from collections.abc import Mapping
from typing import Any

from ports.raw_arrivals import UnreadableSidecarError

__all__ = ["sidecar_cards"]


def sidecar_cards(key: str, content: bytes) -> Mapping[str, Any]:
    """Read the cards of a sidecar.

    Raises
    ------
    UnreadableSidecarError
        Raised if it is not a JSON object.
    """
    try:
        cards = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UnreadableSidecarError(f"sidecar {key} is no JSON: {error}") from error
    if not isinstance(cards, dict):
        raise UnreadableSidecarError(f"sidecar {key} is JSON, but no object")
    return cards
