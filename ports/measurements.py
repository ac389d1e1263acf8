"""What an attempt took, for whoever watches the night from outside."""

from collections.abc import Mapping
from typing import Protocol

from attrs import frozen

from domain.visit import Identity
from domain.work.quality import Quality

__all__ = ["Measurement", "Measurements"]


@frozen(kw_only=True)
class Measurement:
    """One ended attempt."""

    identity: Identity
    attempt: int
    outcome: str
    """Name of the outcome."""
    seconds: Mapping[str, float]
    """Time spent by stage."""
    quality: Quality | None = None
    """What the pipeline says of the images; None if it says nothing."""


class Measurements(Protocol):
    """Takes measurements to another system, as well as that is possible."""

    def add(self, measurement: Measurement) -> None:
        """Hand on a measurement: never fails, never waits; what cannot be delivered is lost, and said."""
        ...
