"""The system's clock, and random identifiers."""

import time
import uuid

from domain.times import UtcSeconds

__all__ = ["SystemClock", "SystemIdentifiers"]


class SystemClock:
    """`ports.clock.Clock` by the system's clock, which NTP is trusted to keep."""

    def utc(self) -> UtcSeconds:
        """Tell the time."""
        return UtcSeconds(time.time())


class SystemIdentifiers:
    """`ports.clock.Identifiers` by the system's source of randomness."""

    def new(self) -> uuid.UUID:
        """Make a random identifier."""
        return uuid.uuid4()
