"""How many workers KEDA starts, by the arithmetic of its scaler and its executor of jobs.

Read from ``pkg/scaling/executor/scale_jobs.go`` of 2.16.1 and 2.21.0, which is the same in both.
"""

import math

from attrs import frozen

__all__ = ["STRATEGIES", "JobRules"]

STRATEGIES = ("accurate", "eager", "default")


@frozen(kw_only=True)
class JobRules:
    """What a ScaledJob with a trigger on a stream's lag says."""

    most: int
    """maxReplicaCount."""
    strategy: str = "accurate"
    """One of `STRATEGIES`."""
    target: int = 1
    """lagCount: unread entries for each new job."""
    activation: int = -1
    """activationLagCount: lag that must be exceeded before anything is started."""

    def new_jobs(self, lag: int, running: int, starting: int) -> int:
        """Tell how many jobs one poll starts; `running` has those that are starting, too."""
        if lag <= self.activation:
            return 0
        wanted = min(math.ceil(lag / self.target), self.most)
        match self.strategy:
            case "accurate":
                is_over = wanted + running > self.most
                return max(0, min(wanted, self.most - running if is_over else wanted - starting))
            case "eager":
                return max(0, min(self.most - running - starting, wanted))
            case _:
                return max(0, wanted - running)
