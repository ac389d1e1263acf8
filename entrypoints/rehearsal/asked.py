"""What night a person asks for, and the plan made of it."""

import asyncio
import datetime
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from attrs import field, frozen

from domain.work.attempts import AttemptRecord
from entrypoints.containers.memory.inputs import read_night, read_yaml, science_detectors
from entrypoints.containers.memory.settings import ENVIRONMENT
from entrypoints.rehearsal.errors import RehearsalError
from entrypoints.rehearsal.faults import parse_faults
from entrypoints.rehearsal.keda import JobRules
from entrypoints.rehearsal.night import NightPlan
from entrypoints.rehearsal.pool import Keda
from entrypoints.rehearsal.schedule import PlannedVisit, by_cadence, from_csv, from_records
from entrypoints.rehearsal.stage_times import DEFAULT, StageTimes, parse_stage_times, times_of_night
from entrypoints.settings.environment import read_settings
from entrypoints.settings.worker import WorkerSettings

__all__ = ["VARIABLES", "Asked"]

VARIABLES: Final = {
    "WORKER_TIMEOUT": "600",
    "IMAGE_TIMEOUT": "20",
    "MESSAGE_EXPIRATION": "3600",
    "MAX_ATTEMPTS": "3",
    "REDIS_RETRY_DELAY": "30",
    "REPO_RETRY_DELAY": "30",
    "LEASE_SECONDS": "60",
    "FANNED_OUT_MSG_LISTEN_TIMEOUT": "900",
    "WORKER_RESTART_FREQ": "0",
    "POSTPONE_LIMIT": "86400",
}
"""Environment variables of a worker that a rehearsal heeds, and what they are where they are not set."""

_MOST_DETECTORS: Final = 512


@frozen(kw_only=True)
class Asked:
    """The options of the command."""

    camera: str
    detectors: int | None = field()
    visits: int
    cadence: float
    exposure: float
    snaps: int
    lead: float
    schedule: Path | None
    results: Path | None
    night: datetime.datetime | None
    stage_times: Path | None
    faults: Path | None
    workers: int | None
    max_workers: int | None
    strategy: str
    polling: float
    pod_start: float
    seed: int

    @detectors.validator
    def _check_detectors(self, _: object, detectors: int | None) -> None:
        if detectors is not None and detectors > _MOST_DETECTORS:
            raise RehearsalError(f"--detectors: {detectors} is more than {_MOST_DETECTORS}")

    def plan(self) -> tuple[NightPlan, Sequence[AttemptRecord]]:
        """Read all files; gives the records of the night that is rehearsed, too, if it was one.

        Raises
        ------
        PromptProcessingError
            Raised if one of them is not as it should be.
        """
        records = [] if self.results is None else self._night(self.results)
        seen = {one.attempt.identity.detector for one in records}
        plan = NightPlan(
            detectors=self.detectors or len(seen) or science_detectors(self.camera),
            visits=self._visits(records),
            stage_times=self._times(records),
            settings=_settings(),
            seed=self.seed,
            faults=() if self.faults is None else parse_faults(read_yaml(self.faults), str(self.faults)),
        )
        return plan, records

    def pool(self, most: int | None = None) -> int | Keda | None:
        """Tell who works: so many, or KEDA's jobs, of which `most` if that is given. None: nobody said."""
        if self.max_workers is None:
            return most or self.workers
        rules = JobRules(most=most or self.max_workers, strategy=self.strategy)
        return Keda(rules=rules, polling=self.polling, pod_start=self.pod_start)

    def _night(self, folder: Path) -> Sequence[AttemptRecord]:
        return asyncio.run(read_night(folder, self.night.date() if self.night else None))

    def _visits(self, records: Sequence[AttemptRecord]) -> list[PlannedVisit]:
        if self.schedule is not None:
            return from_csv(self.schedule, self.exposure, self.snaps, self.lead)
        if self.results is not None:
            return from_records(records, self.exposure)
        return by_cadence(self.visits, self.cadence, self.exposure, self.snaps, self.lead)

    def _times(self, records: Sequence[AttemptRecord]) -> StageTimes:
        if self.stage_times is None:
            return DEFAULT if self.results is None else times_of_night(records, str(self.results))
        if self.stage_times.is_dir():
            return times_of_night(self._night(self.stage_times), str(self.stage_times))
        return parse_stage_times(read_yaml(self.stage_times), str(self.stage_times))


def _settings() -> WorkerSettings:
    set_here = {name: os.environ[name] for name in VARIABLES if os.environ.get(name)}
    return read_settings(WorkerSettings, {**ENVIRONMENT, **VARIABLES, **set_here})
