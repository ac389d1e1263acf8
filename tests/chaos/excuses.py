"""Which fault of the plan explains a visit-detector that failed after its change (semantics 3, 4 and 17)."""

import math
import socket
from collections.abc import Iterable

from attrs import frozen

from domain.work.attempts import AttemptRecord
from domain.work.outcomes import FailedAfterChange

__all__ = ["Evidence", "Occurrence", "WorkerNames", "excuse"]

_ASKING = 7.0
"""Seconds for which `prompt_pipelines.apdb.store` asks whether it has committed."""


@frozen
class WorkerNames:
    """Names in the ledger of processes of this host; the random part of a name is not known outside."""

    pids: frozenset[int]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.rpartition("-")[0] in {
            f"{socket.gethostname()}-{pid}" for pid in self.pids
        }


@frozen(kw_only=True)
class Occurrence:
    """A fault of the plan, as it came about; times are UTC, by no worker's clock."""

    kind: str
    """As the plan's table counts it, such as ``kill worker`` or ``apdb away``."""
    detail: str = ""
    begin: float
    end: float = math.inf
    worker: int = 0
    """Process id of the worker that was killed, or whose child was."""

    def __str__(self) -> str:
        return f"{self.kind} {self.detail}".rstrip()


@frozen(kw_only=True)
class Evidence:
    """What is known of the one attempt beside its record."""

    claimed: float | None
    """When its claim was made, by the ledger's time; None without one."""
    handed_over: float | None
    """When its worker was heard to begin with what follows the writer's message; None if it never was."""


def excuse(record: AttemptRecord, evidence: Evidence, occurrences: Iterable[Occurrence]) -> Occurrence | None:
    """Find the fault that explains why an attempt failed after its change; None: the plan has none."""
    if not isinstance(record.outcome, FailedAfterChange) or evidence.claimed is None:
        return None
    ended = math.inf if record.ended is None else record.ended
    for one in occurrences:
        if evidence.claimed <= one.begin <= ended and _explains(one, record, record.outcome.reason, evidence):
            return one
    return None


def _explains(one: Occurrence, record: AttemptRecord, reason: str, evidence: Evidence) -> bool:
    is_its_worker = record.worker in WorkerNames(frozenset({one.worker}))
    handed_over = evidence.handed_over
    match one.kind:
        case "kill worker":
            # Whatever it said before it died was heard, if perhaps later.
            has_said_nothing = reason == f"worker {record.worker} ended without recording an outcome"
            return is_its_worker and has_said_nothing and handed_over is None
        case "kill child":
            # One that dies later, during the export, is replaced.
            has_died = reason.startswith("the child ended during process (signal 9)")
            return is_its_worker and has_died and (handed_over is None or one.begin < handed_over)
        case "apdb away":
            # A task that is answered while it still asks can say whether it has committed.
            return "the APDB did not take the sources" in reason and one.end - one.begin > _ASKING
        case _:
            return False
