"""What a seed breaks, and when: made before anything starts, so that a seed means the same everywhere."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import evolve, field, frozen

from tests.chaos.tasks import POINTS

__all__ = [
    "DETECTORS",
    "OUTAGES",
    "SLOW",
    "WORKERS",
    "Fault",
    "Kill",
    "Plan",
    "VisitPlan",
    "make_outage",
    "make_plan",
]

DETECTORS = (0, 1)
WORKERS = 2
VISITS = 6
OUTAGES: dict[str, float] = {
    "redis restart": 40.0,
    "s3 away": 75.0,
    "repository away": 75.0,
    "apdb away": 75.0,
    "workers stopped": 1.0,
    "alerts away": 75.0,
    "broker away": 75.0,
    "postgresql away": 60.0,
}
"""One neighbour away, or all workers paused, for longer than every limit that `make_outage` sets; seconds."""
SLOW: dict[str, float] = dict.fromkeys(("s3 slow", "redis slow", "broker slow", "postgresql slow"), 30.0)
"""One neighbour of which each answer comes a second late; seconds."""
_LIMITS: Mapping[str, str] = {
    "IMAGE_TIMEOUT": "5",
    "WORKER_TIMEOUT": "30",
    "CLAIM_SECONDS": "150",
    "REPO_RETRY_DELAY": "1",
    "MAX_ATTEMPTS": "2",
}
_SPACING = 2.5
"""Seconds between announcements."""
_APART = 5.0
"""Seconds between the beginnings of two outages."""
_LEAD = 1.5
"""Seconds from an announcement to its first raw."""
_STAGES = ("prepare", "wait", "ingest", "process", "export", "clean")


@frozen(kw_only=True)
class Kill:
    """A SIGKILL when a visit-detector has come to somewhere."""

    target: str
    """``worker`` or ``child``."""
    at: str
    """A stage that the worker's log names, or one of `tests.chaos.tasks.POINTS`."""
    delay: float
    """Seconds after that; a point has none."""


@frozen(kw_only=True)
class VisitPlan:
    """One visit and what befalls it."""

    number: int
    """Within the seed, from 0."""
    announced: float
    """Seconds since the seed began."""
    landed: float
    snaps: int
    fate: str
    """``good``, ``cancelled`` (before any image) or ``poisoned`` (its images are no images)."""
    announced_again: str
    """``same``, ``changed``, or blank: not at all."""
    notifications: tuple[str, ...]
    """For each detector: ``once``, ``twice``, ``late``, ``never``, ``early`` (before there is an image), or
    ``late sidecar`` (which lands after its image)."""
    kills: tuple[Kill | None, ...]
    """For each detector."""


@frozen(kw_only=True)
class Fault:
    """Something that is broken for a while."""

    kind: str
    begin: float
    """Seconds since the seed began."""
    length: float
    strength: float = 0.0


@frozen(kw_only=True)
class Plan:
    """All of one seed."""

    seed: int
    visits: tuple[VisitPlan, ...]
    faults: tuple[Fault, ...]
    offsets: tuple[float, ...]
    """Of each worker's clock, seconds."""
    small_disk: int
    """Which worker has a disk of its own that will be full."""
    worker_settings: Mapping[str, str] = field(factory=dict)
    """In place of those that every seed has."""

    @property
    def needs_postgresql(self) -> bool:
        """Whether ledger, claims and the central registry are on PostgreSQL, and not on Redis and SQLite."""
        return any(one.kind.startswith("postgresql") for one in self.faults)

    @property
    def length(self) -> float:
        """Seconds until nothing more is broken."""
        return max(
            *(visit.landed + 3.0 for visit in self.visits), *(one.begin + one.length for one in self.faults)
        )

    def count(self) -> Counter[str]:
        """Count what is broken, by kind."""
        kills = [kill for visit in self.visits for kill in visit.kills if kill is not None]
        told = [way for visit in self.visits for way in visit.notifications if way != "once"]
        return Counter(
            [
                *(f"kill {kill.target}" for kill in kills),
                *(fault.kind for fault in self.faults),
                *(f"notified {way}" for way in told),
                *(visit.fate for visit in self.visits if visit.fate != "good"),
                *("skewed clock" for offset in self.offsets if offset),
                *(
                    f"announced again, {visit.announced_again}"
                    for visit in self.visits
                    if visit.announced_again
                ),
            ]
        )


@frozen
class _Dice:
    """Chance, by the seed."""

    chance: random.Random = field()

    def visit(self, number: int) -> VisitPlan:
        announced = number * _SPACING + self.chance.uniform(0, 0.5)
        fate = self.chance.choices(("good", "cancelled", "poisoned"), (0.84, 0.08, 0.08))[0]
        return VisitPlan(
            number=number,
            announced=announced,
            landed=announced + _LEAD + self.chance.uniform(0, 1.0),
            snaps=self.chance.choice((1, 1, 1, 2)),
            fate=fate,
            announced_again=self.chance.choices(("", "same", "changed"), (0.7, 0.15, 0.15))[0],
            notifications=tuple(self._way() for _ in DETECTORS),
            kills=tuple(self._kill() if fate == "good" else None for _ in DETECTORS),
        )

    def _way(self) -> str:
        ways = ("once", "twice", "late", "never", "early", "late sidecar")
        return self.chance.choices(ways, (0.5, 0.1, 0.1, 0.1, 0.1, 0.1))[0]

    def _kill(self) -> Kill | None:
        if self.chance.random() > 0.35:
            return None
        target = self.chance.choice(("worker", "child"))
        if self.chance.random() < 0.4:
            # As often before the claim as after it.
            at = self.chance.choice(("looking",) * (len(POINTS) - 1) + POINTS[1:])
            return Kill(target=target, at=at, delay=0.0)
        return Kill(target=target, at=self.chance.choice(_STAGES), delay=self.chance.uniform(0, 0.3))

    def faults(self, end: float) -> tuple[Fault, ...]:
        def some(kind: str, times: int, lengths: tuple[float, float], strength: float = 0.0) -> list[Fault]:
            return [
                Fault(
                    kind=kind,
                    begin=self.chance.uniform(1.0, end),
                    length=self.chance.uniform(*lengths),
                    strength=strength,
                )
                for _ in range(times)
            ]

        chance = self.chance
        return (
            *some("kill fan-out", chance.choice((1, 1, 2)), (0, 0)),
            *some("kill raw-presence", 1, (0, 0)),
            *some("kill butler-writer", chance.choice((1, 2)), (0, 0)),
            *some("redis restart", chance.choice((1, 1, 2)), (0.2, 1.5)),
            *some("broker cut off", 1, (2.0, 6.0)),
            *some("broker restart", chance.choice((0, 1)), (0.2, 1.0)),
            *some("s3 faults", chance.choice((1, 2)), (3.0, 7.0), chance.uniform(0.1, 0.5)),
            *some("s3 away", chance.choice((0, 1)), (1.0, 4.0)),
            *some("full disk", chance.choice((0, 1)), (3.0, 8.0)),
            *some("poison", 4, (0, 0)),
        )


def make_plan(seed: int) -> Plan:
    """Make the plan of a seed."""
    dice = _Dice(random.Random(seed))  # noqa: S311 - chance, not secrecy
    visits = tuple(dice.visit(number) for number in range(VISITS))
    faults = dice.faults(VISITS * _SPACING)
    skewed = dice.chance.choice((-60.0, 60.0, 0.0))
    return Plan(
        seed=seed,
        visits=visits,
        faults=tuple(sorted(faults, key=lambda fault: fault.begin)),
        offsets=(0.0,) * (WORKERS - 1) + (skewed,),
        small_disk=0,
    )


def make_outage(kinds: Sequence[str], seed: int) -> Plan:
    """Plan long outages in the midst of visits of which nothing else befalls any."""
    dice = _Dice(random.Random(seed))  # noqa: S311 - chance, not secrecy
    good: Mapping[str, Any] = {
        "fate": "good",
        "announced_again": "",
        "notifications": ("once",) * len(DETECTORS),
        "kills": (None,) * len(DETECTORS),
    }
    begin = dice.chance.uniform(1.0, VISITS * _SPACING / 2)
    lengths = OUTAGES | SLOW
    return Plan(
        seed=seed,
        visits=tuple(evolve(dice.visit(number), **good) for number in range(VISITS)),
        faults=tuple(
            Fault(kind=kind, begin=begin + _APART * number, length=lengths[kind])
            for number, kind in enumerate(kinds)
        ),
        offsets=(0.0,) * WORKERS,
        small_disk=-1,
        worker_settings=_LIMITS,
    )
