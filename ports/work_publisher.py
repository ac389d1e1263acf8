"""Where the fan-out puts the copies of a visit."""

import enum
from collections.abc import Collection, Iterable
from typing import Protocol

from attrs import frozen

from domain.errors import PromptProcessingError
from domain.visit import Visit, VisitDetector

__all__ = ["NoQueueError", "Novelty", "Published", "RestoringPublisher", "WorkPublisher"]


class NoQueueError(PromptProcessingError):
    """No queue is configured for the instrument of a visit."""


class Novelty(enum.Enum):
    """How an announcement relates to what was published before."""

    NEW = "new"
    REPEATED = "repeated"
    CHANGED = "changed"


@frozen(kw_only=True)
class Published:
    """What became of one visit."""

    novelty: Novelty
    revision: int
    """Of the visit, from 1."""
    copies: int
    """Visit-detectors added to the queue."""


class WorkPublisher(Protocol):
    """The producing end of `ports.work_queue.WorkQueue`.

    The copies of a visit and the mark of its identity are stored in one atomic
    step: after a crash there are all copies or none. A visit that was
    published before with the same contents adds nothing; with other contents
    it is added again as a new revision, after a note on the control stream.
    When it was sent is not part of the contents; it only tells an older
    revision that is read again (repeated) from a return to it (changed).

    All methods raise `ports.work_queue.QueueUnavailableError` if the queue is
    unreachable, and `NoQueueError` if the instrument has none.
    """

    async def publish(self, visit: Visit, detectors: Iterable[int]) -> Published:
        """Add one visit-detector for each detector."""
        ...

    async def put_again(self, work: VisitDetector) -> None:
        """Add one visit-detector, whatever was published before."""
        ...

    async def remember(self, visit: Visit) -> None:
        """Note a visit that is not published, so that `announced` finds it and its work can be put again.

        Nothing is noted if it was published before. It is no mark: published
        later, the visit is new.
        """
        ...

    async def announced(self, instrument: str, group: str) -> Visit | None:
        """Find the newest revision of a visit as it was published, or else remembered.

        None once that is forgotten.
        """
        ...


class RestoringPublisher(WorkPublisher, Protocol):
    """The same of a queue that can be rebuilt."""

    async def restore(self, visit: Visit, detectors: Collection[int]) -> int:
        """Add visit-detectors that the queue has lost, and the mark of the visit if that is lost too.

        Returns how many were added.
        """
        ...
