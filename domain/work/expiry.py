"""How old an announcement is, and when it is too old to work on."""

from domain.times import UtcSeconds
from domain.visit import Visit

__all__ = ["age_of", "clock_skew", "has_expired"]


def age_of(visit: Visit, now: UtcSeconds, requeued: UtcSeconds | None = None) -> float:
    """Reckon for how long the work has been waiting.

    Parameters
    ----------
    visit
        What was announced.
    now
        The wall clock.
    requeued
        When an operator put the work back, if that happened: age runs from there.

    Returns
    -------
    age
        Seconds; never negative, because an announcement from the future only
        shows that two clocks disagree (see `clock_skew`).

    Raises
    ------
    domain.times.InvalidInstantError
        Raised if the announcement's stamp is outside 1970 to 2099.
    """
    return max(visit.age(now) if requeued is None else now - requeued, 0.0)


def has_expired(visit: Visit, now: UtcSeconds, expiration: float, requeued: UtcSeconds | None = None) -> bool:
    """Say whether the work is older than `expiration` seconds."""
    return age_of(visit, now, requeued) > expiration


def clock_skew(visit: Visit, now: UtcSeconds) -> float:
    """Seconds by which the announcement's stamp lies ahead of the wall clock; 0 if it does not.

    It is the least by which the two clocks differ; the delay of the delivery
    hides the rest.
    """
    return max(-visit.age(now), 0.0)
