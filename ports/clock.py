"""Time and identifiers, which nothing else may take from the system."""

import uuid
from typing import Protocol

from domain.times import UtcSeconds

__all__ = ["Clock", "Identifiers"]


class Clock(Protocol):
    """The wall clock.

    Durations do not come from here: use cases take them from the running event
    loop's ``time()``, which is monotonic, and virtual in tests.
    """

    def utc(self) -> UtcSeconds:
        """Tell the time; it may jump, also backwards."""
        ...


class Identifiers(Protocol):
    """A source of identifiers that nobody has used before."""

    def new(self) -> uuid.UUID:
        """Make one."""
        ...
