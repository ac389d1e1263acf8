"""KEDA's rules for a trigger ``redis-streams``, as its scaler has them.

Read from ``pkg/scalers/redis_streams_scaler.go`` of 2.16.1 and 2.21.0, and
``pkg/scaling/executor/scale_jobs.go``, which is the same in both.
"""

import math
from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen

__all__ = ["NEWEST", "OLDEST", "RefusedTriggerError", "Trigger", "new_jobs", "parse_trigger"]

OLDEST: Final = (2, 16)
NEWEST: Final = (2, 21)
_REFUSES_ZERO: Final = (2, 16)
"""The newest release in which an activation of 0 cannot be told from none."""


class RefusedTriggerError(Exception):
    """The scaler is not built, and the ScaledJob starts nothing."""


@frozen
class Trigger:
    """What the scaler makes of its metadata."""

    target: int
    activation: int

    def is_active(self, lag: int) -> bool:
        """Tell whether anything may be started."""
        return lag > self.activation


def parse_trigger(metadata: Mapping[str, Any], release: tuple[int, int]) -> Trigger:
    """Read a trigger by which the lag of a group scales.

    Raises
    ------
    RefusedTriggerError
        Raised if that release of KEDA refuses it.
    """
    numbers = {}
    for name in ("lagCount", "activationLagCount"):
        value = metadata.get(name, "0")
        if not isinstance(value, str):
            raise RefusedTriggerError(f"{name}: metadata are texts")
        try:
            numbers[name] = int(value)
        except ValueError as error:
            raise RefusedTriggerError(f"{name}: {error}") from error
    if not (metadata.get("address") and metadata.get("stream") and metadata.get("consumerGroup")):
        raise RefusedTriggerError("address, stream and consumerGroup are needed to scale by lag")
    if not numbers["lagCount"]:
        raise RefusedTriggerError("without lagCount it scales by what is pending")
    if release <= _REFUSES_ZERO and not numbers["activationLagCount"]:
        raise RefusedTriggerError("activationLagCount required for Redis lag")
    return Trigger(numbers["lagCount"], numbers["activationLagCount"])


def new_jobs(
    spec: Mapping[str, Any], lag: int, running: int, starting: int, release: tuple[int, int] = NEWEST
) -> int:
    """Tell how many jobs one poll starts; `running` has those that are starting, too."""
    [found] = spec["triggers"]
    trigger = parse_trigger(found["metadata"], release)
    if not trigger.is_active(lag):
        return 0
    most: int = spec["maxReplicaCount"]
    wanted = min(math.ceil(lag / trigger.target), most)
    match spec["scalingStrategy"]["strategy"]:
        case "accurate":
            return max(0, min(wanted, most - running if wanted + running > most else wanted - starting))
        case "eager":
            return max(0, min(most - running - starting, wanted))
        case "default":
            return max(0, wanted - running)
    raise AssertionError(spec["scalingStrategy"])
