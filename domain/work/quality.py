"""How good the images of a visit-detector are, in a few numbers, and what is held for a person."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

from attrs import frozen

from domain.work.outcomes import Completed, FailedAfterChange, Outcome

__all__ = ["MEASURES", "Quality", "why_held"]

MEASURES: Final[Mapping[str, str]] = {
    "seeing_arcsec": "seeing, arcsec",
    "background_electrons": "background, electrons",
    "zero_point_mag": "zero point, mag",
    "photometric_scatter_mag": "photometric scatter, mag",
    "astrometric_scatter_arcsec": "astrometric scatter, arcsec",
    "masked_fraction": "fraction masked",
    "sources": "sources",
    "kernel_residual": "kernel residual, chi squared",
    "difference_noise_scale": "noise of the difference over that predicted",
    "dia_sources.positive": "DiaSources, positive",
    "dia_sources.negative": "DiaSources, negative",
    "dia_sources.rejected": "DiaSources, rejected",
    "dia_sources.unreliable": "DiaSources rejected as unreliable",
    "streak_fraction": "fraction in streaks",
}
"""What is kept of the dataset ``visit_quality``, by its names, and for people; in the order of the ledger's
records, so that more may only be added at the end."""


@frozen
class Quality:
    """Measures of a visit-detector, as its pipeline has found them."""

    values: tuple[float | None, ...] = ()
    """In the order of `MEASURES`; None and what is missing at the end are not known."""
    held: tuple[str, ...] = ()
    """Why its alerts wait for a person; empty if they do not."""

    @classmethod
    def of(cls, measured: Mapping[str, Any]) -> Self:
        """Take what is known here from a dataset ``visit_quality``, whoever made it."""
        return cls(tuple(_number(_found(measured, name)) for name in MEASURES), _texts(measured.get("held")))

    @property
    def known(self) -> Mapping[str, float]:
        """Measures that have a value, by name."""
        pairs = zip(MEASURES, self.values, strict=False)
        return {name: value for name, value in pairs if value is not None}

    @property
    def reason(self) -> str:
        """All reasons of `held` in one line; blank if there are none."""
        return "; ".join(self.held)


def why_held(outcome: Outcome | None, quality: Quality | None) -> str:
    """Say why alerts wait for a person; blank if they do not, or there are none since nothing was stored."""
    is_stored = isinstance(outcome, Completed | FailedAfterChange)
    return quality.reason if is_stored and quality is not None else ""


def _found(measured: Mapping[str, Any], name: str) -> object:
    found: Any = measured
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _number(value: object) -> float | None:
    is_number = isinstance(value, int | float) and math.isfinite(value)
    return float(f"{value:.5g}") if is_number else None


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,) if value else ()
    return tuple(map(str, value)) if isinstance(value, Sequence) else ()
