"""How long each step of a visit-detector takes: drawn from distributions, the same for the same seed."""

import hashlib
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from attrs import field, frozen

from domain.work.attempts import AttemptRecord
from domain.work.outcomes import Completed
from entrypoints.rehearsal.errors import RehearsalError

__all__ = ["DEFAULT", "STEPS", "Samples", "Spread", "StageTimes", "parse_stage_times", "times_of_night"]

STEPS: Final = ("transfer", "prepare", "ingest", "process", "export")
"""From the shutter's closing until the image is in the bucket and known; then the steps of an attempt."""

_NORMAL: Final = statistics.NormalDist()
_P95: Final = _NORMAL.inv_cdf(0.95)
_RARE: Final = 1e-4
_WAITED: Final = 0.1
"""Seconds that a worker must have waited for an image, or its transfer time is not that of the image."""


class Distribution(Protocol):
    """What seconds are drawn from."""

    def at(self, share: float) -> float:
        """Give the seconds for a random number between 0 and 1."""


@frozen
class Spread:
    """A log-normal distribution."""

    median: float
    p95: float
    """95 % take no longer."""
    _width: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        if not 0 < self.median <= self.p95 < math.inf:
            raise RehearsalError(f"median {self.median:g} and p95 {self.p95:g}: 0 < median <= p95 is needed")
        object.__setattr__(self, "_width", math.log(self.p95 / self.median) / _P95)

    def at(self, share: float) -> float:
        """See `Distribution.at`."""
        return self.median * math.exp(self._width * _NORMAL.inv_cdf(share))


@frozen
class Samples:
    """What was measured, each as likely as the others."""

    seconds: tuple[float, ...]

    def __attrs_post_init__(self) -> None:
        if not self.seconds or not all(0 <= one < math.inf for one in self.seconds):
            raise RehearsalError("seconds that were measured are finite, and not negative; one is needed")

    def at(self, share: float) -> float:
        """See `Distribution.at`."""
        return self.seconds[int(share * len(self.seconds))]


@frozen(kw_only=True)
class StageTimes:
    """Distributions of all `STEPS`."""

    source: str
    """Where they are from, for people."""
    steps: Mapping[str, Distribution]
    together: frozenset[str] = frozenset()
    """Steps whose samples with the same index are of the same attempt, and are drawn together."""
    own: Mapping[tuple[str, int], Mapping[str, float]] = field(factory=dict)
    """Of groups and detectors that were observed: what their first attempts took."""

    def draw(self, step: str, group: str, detector: int, number: int, seed: int) -> float:
        """Draw the seconds of a step, the same each time; one that is not known takes none.

        Parameters
        ----------
        step
            One of `STEPS`, or another.
        group, detector
            Of which visit-detector.
        number
            Of the attempt, from 1, or of the snap.
        seed
            Chance.
        """
        distribution = self.steps.get(step)
        if distribution is None:
            return 0.0
        own = self.own.get((group, detector)) if number == 1 else None
        if own is not None and step in own:
            return own[step]
        key = f"{seed} {group} {detector} {number}"
        digest = hashlib.blake2b(
            f"{'' if step in self.together else step} {key}".encode(), digest_size=8
        ).digest()
        # Never 0 nor 1, whose quantiles are infinite.
        return distribution.at(((int.from_bytes(digest) >> 12) + 0.5) / 2**52)

    @property
    def longest(self) -> float:
        """Seconds of all steps together, of one in ten thousand."""
        return sum(distribution.at(1 - _RARE) for distribution in self.steps.values())


DEFAULT: Final = StageTimes(
    source="planning numbers, measured nowhere",
    steps={
        "transfer": Spread(5.0, 7.0),
        "prepare": Spread(8.0, 15.0),
        "ingest": Spread(0.6, 1.0),
        "process": Spread(35.0, 44.0),
        "export": Spread(4.0, 8.0),
    },
)
"""Within the budget of the minute (docs/observability.md), with a tail that spends all of it."""


def parse_stage_times(written: object, source: str) -> StageTimes:
    """Read a file's mapping from steps to a number, a list of numbers, or ``{median: ..., p95: ...}``.

    Raises
    ------
    RehearsalError
        Raised if it is none; steps that are left out are those of `DEFAULT`.
    """
    if not isinstance(written, dict):
        raise RehearsalError(f"{source}: no mapping from steps ({', '.join(STEPS)}) to seconds")
    steps = dict(DEFAULT.steps)
    for name, value in written.items():
        if name not in STEPS:
            raise RehearsalError(f"{source}: unknown step {name!r:.40}; there are {', '.join(STEPS)}")
        try:
            steps[name] = _distribution(value)
        except (RehearsalError, TypeError, ValueError) as error:
            raise RehearsalError(f"{source}: {name}: {error}") from None
    return StageTimes(source=source, steps=steps)


def _distribution(value: Any) -> Distribution:  # noqa: ANN401 - as YAML has it
    match value:
        case {"median": median, "p95": p95} if len(value) == 2:
            return Spread(float(median), float(p95))
        case list():
            return Samples(tuple(float(one) for one in value))
        case int() | float():
            return Samples((float(value),))
        case _:
            raise RehearsalError(f"{value!r:.60} is no number, no list of numbers, and no median with p95")


def times_of_night(records: Sequence[AttemptRecord], source: str) -> StageTimes:
    """Take the seconds of all completed first attempts of a night; those of one attempt stay together.

    Raises
    ------
    RehearsalError
        Raised if there are none.
    """
    done = [
        one
        for one in records
        if isinstance(one.outcome, Completed) and one.attempt.number == 1 and "process" in one.seconds
    ]
    if not done:
        raise RehearsalError(f"{source}: no visit-detector was completed in its first attempt")
    own = {(one.attempt.identity.group, one.attempt.identity.detector): _took(one) for one in done}
    steps: dict[str, Distribution] = dict(DEFAULT.steps)
    for step in STEPS:
        if samples := tuple(took[step] for took in own.values() if step in took):
            steps[step] = Samples(samples)
    return StageTimes(source=source, steps=steps, together=frozenset(STEPS) - {"transfer"}, own=own)


def _took(record: AttemptRecord) -> Mapping[str, float]:
    """Tell what an attempt took; the transfer is missing if it was over before the worker waited for it."""
    seconds = record.seconds
    took = {
        "prepare": seconds.get("prepare", 0.0),
        "ingest": seconds.get("ingest", 0.0) / max(len(record.raws), 1),
        "process": seconds["process"],
        "export": seconds.get("export", 0.0) + seconds.get("clean", 0.0),
    }
    if record.seconds_to_alerts is not None and seconds.get("wait", 0.0) > _WAITED:
        took["transfer"] = seconds.get("transfer", 0.0)
    return took
