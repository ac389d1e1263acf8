"""KEDA's rules for a trigger ``redis-streams``, as its scaler has them.

Read from ``pkg/scalers/redis_streams_scaler.go`` of 2.16.1 and 2.21.0; what follows from the lag is
`entrypoints.rehearsal.keda`.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen

from entrypoints.rehearsal.keda import STRATEGIES, JobRules

__all__ = ["NEWEST", "OLDEST", "RefusedTriggerError", "Trigger", "new_jobs", "parse_trigger"]

OLDEST: Final = (2, 16)
NEWEST: Final = (2, 21)
_REFUSES_ZERO: Final = (2, 16)
"""The newest release in which an activation of 0 cannot be told from none."""


_DEFAULTS: Final = {
    "lagCount": "0",
    "activationLagCount": "0",
    "pendingEntriesCount": "5",
    "streamLength": "5",
}


class RefusedTriggerError(Exception):
    """The scaler is not built, and the ScaledJob starts nothing."""


@frozen
class Trigger:
    """What the scaler makes of its metadata."""

    by: str
    """What is counted: ``lag``, ``pending`` entries, or the stream's ``length``."""
    target: int
    activation: int

    def is_active(self, count: int) -> bool:
        """Tell whether anything may be started."""
        return count > self.activation


def parse_trigger(metadata: Mapping[str, Any], release: tuple[int, int]) -> Trigger:
    """Read a trigger: what is not lag, where a group is named and lagCount is none, is pending.

    Raises
    ------
    RefusedTriggerError
        Raised if that release of KEDA refuses it.
    """
    number = {name: _number(name, metadata.get(name, default)) for name, default in _DEFAULTS.items()}
    activation = number["activationLagCount"]
    if not (metadata.get("address") and metadata.get("stream")):
        raise RefusedTriggerError("address and stream are needed")
    if not metadata.get("consumerGroup"):
        return Trigger("length", number["streamLength"], activation)
    if not number["lagCount"]:
        return Trigger("pending", number["pendingEntriesCount"], activation)
    if release <= _REFUSES_ZERO and not activation:
        raise RefusedTriggerError("activationLagCount required for Redis lag")
    return Trigger("lag", number["lagCount"], activation)


def _number(name: str, value: object) -> int:
    """Read a number as KEDA does, which takes texts for JSON."""
    if not isinstance(value, str):
        raise RefusedTriggerError(f"{name}: metadata are texts")
    try:
        number = json.loads(value)
    except ValueError as error:
        raise RefusedTriggerError(f"{name}: {error}") from error
    if type(number) is not int:
        raise RefusedTriggerError(f"{name}: {value} is no whole number")
    return number


def new_jobs(
    spec: Mapping[str, Any], lag: int, running: int, starting: int, release: tuple[int, int] = NEWEST
) -> int:
    """Tell how many jobs one poll starts; `running` has those that are starting, too."""
    [found] = spec["triggers"]
    trigger = parse_trigger(found["metadata"], release)
    assert trigger.by == "lag", "what is counted below is the lag"
    rules = JobRules(
        most=spec["maxReplicaCount"],
        strategy=spec["scalingStrategy"]["strategy"],
        target=trigger.target,
        activation=trigger.activation,
    )
    assert rules.strategy in STRATEGIES
    return rules.new_jobs(lag, running, starting)
