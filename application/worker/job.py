"""One attempt under way, and the time that it may take."""

import asyncio

from attrs import define, frozen

from application.worker.postponing import varied
from application.worker.stages import Stages
from domain.times import UtcSeconds
from ports.ledger import AttemptRecord
from ports.work_queue import Lease
from ports.workspace import Assignment, WaitingAlerts

__all__ = ["Job", "VisitPolicy"]


@frozen(kw_only=True)
class VisitPolicy:
    """The time that an attempt may take; all in seconds."""

    image_timeout: float
    """IMAGE_TIMEOUT: how long images may be late."""
    worker_timeout: float
    """WORKER_TIMEOUT: how long an attempt may last, export included."""
    message_expiration: float
    """MESSAGE_EXPIRATION: announcements older than this are not worked on."""
    unknown_count_grace: float = 2.0
    """With nimages = 0: how long to wait for more snaps after the first."""
    least_wait: float = 5.0
    """How long images are looked for though preparing took until the deadline: they may be there."""
    init_outputs_pause: float = 5.0
    """Between two looks for init-outputs that are not there yet."""
    repository_pause: float = 30.0
    """REPO_RETRY_DELAY: between two tries of what needs the central repository, give or take a quarter."""
    max_attempts: int = 3
    postpone_limit: float = 86_400.0
    """POSTPONE_LIMIT: age up to which a visit is postponed because a neighbour is away, if it does not
    expire before."""


@define(kw_only=True)
class Job:
    """One attempt under way."""

    record: AttemptRecord
    lease: Lease
    assignment: Assignment
    stages: Stages
    give_up: asyncio.Event
    begun: UtcSeconds
    patience: float
    """Until when init-outputs are looked for, on the event loop's clock."""
    until: float = 0.0
    """When the science is ended, on the event loop's clock."""
    has_changed: bool = False
    """Whether the pipeline came to its end and changed what is permanent."""
    may_have_claimed: bool = False
    """Whether a step was begun in which a claim may be made."""
    preparation_failed: bool = False
    """Whether preparing failed, so that there is nothing to hand on."""
    since_shutter: float | None = None
    """Seconds from the shutter's closing to the end of the pipeline; None before that, or if unknown."""
    waiting: WaitingAlerts | None = None
    """Alerts that were not sent."""

    @property
    def held(self) -> str:
        """Why a person is to decide over the alerts, as the outbox or else the pipeline says."""
        if self.waiting is not None and self.waiting.held:
            return self.waiting.held
        return "" if self.stages.quality is None else self.stages.quality.reason

    def pause(self, seconds: float, tries: int) -> float:
        """Vary a pause, for each try otherwise."""
        return varied(seconds, f"{self.assignment.attempt} {tries}")
