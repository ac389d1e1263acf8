"""How fast a site's disk fills: whether it will be full before the next night is over."""

from collections.abc import Sequence

from attrs import evolve, frozen

__all__ = ["DiskForecast", "FreeSpace", "forecast", "watched"]

_NIGHTS = 3
"""That are looked back at; the one that filled most counts."""
_KEPT = 10


@frozen(kw_only=True)
class FreeSpace:
    """Free space in one night, bytes."""

    night: int
    """Day_obs (YYYYMMDD)."""
    first: int
    """Free when the night was first looked at."""
    last: int
    """Free when it was last."""
    removed: int = 0
    """What the site removed meanwhile, to make room."""

    @property
    def used(self) -> int:
        """What the night took."""
        return max(self.first + self.removed - self.last, 0)


@frozen(kw_only=True)
class DiskForecast:
    """What is to be expected."""

    free: int
    """Bytes."""
    night: int
    """Bytes that a night takes; 0 if none is known yet."""
    is_full_soon: bool
    """Whether there may be no room before the next night is over."""


def watched(nights: Sequence[FreeSpace], tonight: int, free: int, removed: int = 0) -> tuple[FreeSpace, ...]:
    """Add a look at the free space.

    Parameters
    ----------
    nights
        As they were, the newest last.
    tonight
        Day_obs (YYYYMMDD) that goes on.
    free
        Bytes.
    removed
        Bytes that the site removed since the last look.
    """
    if nights and nights[-1].night == tonight:
        last = nights[-1]
        return (*nights[:-1], evolve(last, last=free, removed=last.removed + removed))
    return (*nights, FreeSpace(night=tonight, first=free, last=free))[-_KEPT:]


def forecast(nights: Sequence[FreeSpace], free: int) -> DiskForecast:
    """Say whether the disk may be full before the next night is over.

    Each night is taken to fill as much as the greediest of the last ones; what the night that goes
    on has taken already is there.
    """
    recent = nights[-1 - _NIGHTS :]
    rate = max((one.used for one in recent), default=0)
    rest_of_tonight = rate - nights[-1].used if nights else 0
    return DiskForecast(free=free, night=rate, is_full_soon=rate > 0 and free < rest_of_tonight + rate)
