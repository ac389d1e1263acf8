"""Whose consumers the queue still has at the end, and which of them ought to be gone (semantics 2)."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import redis
from attrs import frozen

from tests.chaos.excuses import WorkerNames

__all__ = ["Consumer", "ConsumersSeen", "Place", "faults_of", "watch"]

_SLACK = 5.0  # seconds


@frozen(kw_only=True)
class Consumer:
    """One of a stream's, as Redis has it."""

    name: str
    pending: int
    idle: float
    """Seconds."""


@frozen(kw_only=True)
class ConsumersSeen:
    """Those that there were; nobody but the fan-out has removed any for another."""

    at_stop: Sequence[Consumer]
    """When all workers had ended, and the fan-out still ran."""
    at_end: Sequence[Consumer]
    """When the fan-out had had its time to forget them."""
    gone_after: float
    """CONSUMER_GONE_SECONDS of the fan-out."""


@frozen(kw_only=True)
class Place:
    """A worker's place in the crew: the processes that filled it, and how they ended."""

    pids: Sequence[int]
    codes: Sequence[int]


def watch(port: int, stream: str, gone_after: float) -> ConsumersSeen:
    """Look for consumers now, and again until there are none or the fan-out must have forgotten them."""
    with redis.Redis(port=port, decode_responses=True) as client:
        at_stop = at_end = _consumers(client, stream)
        # It looks for them as often as they may be gone.
        end = time.monotonic() + 2 * gone_after + _SLACK
        while at_end and time.monotonic() < end:
            time.sleep(0.5)
            at_end = _consumers(client, stream)
    return ConsumersSeen(at_stop=at_stop, at_end=at_end, gone_after=gone_after)


def _consumers(client: "redis.Redis", stream: str) -> list[Consumer]:
    groups: Any = client.xinfo_groups(stream)
    found: list[Any] = [one for group in groups for one in client.xinfo_consumers(stream, group["name"])]
    return [
        Consumer(name=one["name"], pending=one["pending"], idle=one["idle"] / 1000)
        for one in found
        # One that begins with a dot marks the group.
        if not one["name"].startswith(".")
    ]


def faults_of(seen: ConsumersSeen, places: Mapping[str, Place]) -> Iterator[str]:
    """Name consumers that were left by who ended in order, and those that the fan-out has not forgotten."""
    for one in seen.at_stop:
        place, code, is_last = _owner(one.name, places)
        if not place:
            yield f"consumer {one.name} is of no worker of this seed"
        # Who ended by itself in the midst of the night may have done so while Redis was away.
        elif code == 0 and is_last:
            yield f"consumer {one.name}: {place} ended in order and did not leave the queue"
    for one in seen.at_end:
        place, code, _ = _owner(one.name, places)
        ended = "still runs" if code is None else f"ended with exit code {code}"
        yield (
            f"consumer {one.name} of {place or 'nobody'}, which {ended}, is there after {one.idle:.0f} s "
            f"with {one.pending} leases: the fan-out forgets who holds none after {seen.gone_after:g} s"
        )


def _owner(name: str, places: Mapping[str, Place]) -> tuple[str, int | None, bool]:
    """Find whose a consumer is, how that process ended, and whether it was the last; blank if nobody's."""
    for place, filled in places.items():
        for number, pid in enumerate(filled.pids):
            if name in WorkerNames(frozenset({pid})):
                code = filled.codes[number] if number < len(filled.codes) else None
                return place, code, number == len(filled.pids) - 1
    return "", None, False
