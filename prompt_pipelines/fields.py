"""Configuration fields with the types of the values that they hold.

pex_config's own classes are not annotated; these functions are, so that a
task's configuration type-checks like any other object.
"""

import math
from typing import cast

from lsst.pex.config import ChoiceField, DictField, Field, RangeField

__all__ = ["choice", "count", "flag", "number", "numbers", "text"]


def flag(doc: str, *, default: bool) -> bool:
    """Declare a yes-or-no field."""
    return cast(bool, Field(doc, dtype=bool, default=default))  # type: ignore[no-untyped-call]  # untyped package


def number(doc: str, *, default: float, minimum: float = 0.0, maximum: float = math.inf) -> float:
    """Declare a field that holds a number within bounds, both included; not negative if none are given."""
    field = RangeField(  # type: ignore[no-untyped-call]  # untyped package
        doc,
        dtype=float,
        default=default,
        min=minimum,
        max=None if maximum == math.inf else maximum,
        inclusiveMax=True,
    )
    return cast(float, field)


def numbers(doc: str) -> dict[str, float]:
    """Declare a field that holds numbers by their names; none by default."""
    field: object = DictField(doc, keytype=str, itemtype=float, default={})  # type: ignore[no-untyped-call]  # untyped package
    return cast("dict[str, float]", field)


def count(doc: str, *, default: int, minimum: int = 0) -> int:
    """Declare a field that holds a whole number."""
    field = RangeField(doc, dtype=int, default=default, min=minimum)  # type: ignore[no-untyped-call]  # untyped package
    return cast(int, field)


def text(doc: str, *, default: str | None = None) -> str | None:
    """Declare a field that holds a text or nothing."""
    field: object = Field(doc, dtype=str, default=default, optional=True)  # type: ignore[no-untyped-call]  # untyped package
    return cast("str | None", field)


def choice(doc: str, allowed: dict[str, str], *, default: str) -> str:
    """Declare a field that holds one of a few words; `allowed` says what each means."""
    field: object = ChoiceField(doc, str, allowed=allowed, default=default)  # type: ignore[no-untyped-call]  # untyped package
    return cast(str, field)
