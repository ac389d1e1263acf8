"""The science side of one attempt: what the worker's child process does."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from attrs import field, frozen

from domain.errors import PromptProcessingError
from domain.raws.exposure import Exposure
from domain.raws.raws import RawImage
from domain.visit import VisitDetector
from domain.work.outcomes import Export
from domain.work.quality import Quality
from ports.ledger import Attempt
from ports.neighbours import Neighbour

__all__ = [
    "Assignment",
    "ClaimRefusedError",
    "DiskFullError",
    "InitOutputsMissingError",
    "LocalWorkspace",
    "NeighbourAwayError",
    "NothingRunnableError",
    "Prepared",
    "Processed",
    "RawUnavailableError",
    "RawUnreadableError",
    "WaitingAlerts",
    "Workspace",
    "WorkspaceError",
    "WorkspaceLostError",
]


class WorkspaceError(PromptProcessingError):
    """A step failed; another attempt may succeed."""


class WorkspaceLostError(WorkspaceError):
    """The process that did the work is gone, or did not answer in time."""


class NeighbourAwayError(WorkspaceError):
    """A step failed because a neighbour is away, as far as its error tells; only a probe can confirm that.

    Parameters
    ----------
    text
        What failed.
    neighbour
        Who is away.
    """

    def __init__(self, text: str, neighbour: Neighbour) -> None:
        super().__init__(text)
        self.neighbour = neighbour


class RawUnavailableError(WorkspaceError):
    """An image cannot be fetched now, or is not there yet; the same call may succeed later."""


class DiskFullError(RawUnavailableError):
    """The worker's own disk is full; it may have room later, and another worker's may now."""


class RawUnreadableError(PromptProcessingError):
    """An image is not what its key or the camera promise; a newer version may be."""


class InitOutputsMissingError(WorkspaceError):
    """The initializer has not prepared this deployment and day."""


class NothingRunnableError(PromptProcessingError):
    """No pipeline of the visit can run on what the repository holds.

    The text names what is missing for each pipeline.
    """


class ClaimRefusedError(WorkspaceError):
    """The claim before the first change was not granted; nothing was changed."""


@frozen(kw_only=True)
class Assignment:
    """One attempt, with all that was decided when it began."""

    attempt: Attempt
    work: VisitDetector
    day: str
    """Day_obs of processing, ``YYYY-MM-DD``, fixed for the attempt."""
    preprocessing: tuple[str, ...]
    """Pipeline files in order of preference."""
    main: tuple[str, ...]
    """Pipeline files in order of preference."""


@frozen(kw_only=True)
class Prepared:
    """What preloading brought."""

    datasets: int
    """Inputs now in the local repository."""
    warnings: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(factory=dict)
    """Time spent by stage."""


@frozen(kw_only=True)
class Processed:
    """How the main pipeline ended."""

    pipeline: str
    """Base name of the pipeline that was run."""
    failure: str = ""
    """What failed; blank if all quanta succeeded."""
    away: Neighbour | None = None
    """The neighbour without whom it failed, as far as the error tells."""
    changed: bool = False
    """True once the claim was made: permanent changes may exist."""
    seconds: Mapping[str, float] = field(factory=dict)
    """Time spent by stage and task."""
    quality: Quality | None = None
    """What the pipeline says of the images; None if it says nothing."""


@frozen(kw_only=True)
class WaitingAlerts:
    """Alerts of an attempt that were not sent; somebody else has to."""

    number: int
    place: str
    """URI of the folder that holds them."""
    held: str = ""
    """Why a person is to decide over all of them; blank if the broker did not take some."""


class Workspace(Protocol):
    """One worker's local repository and the processing in it, one attempt at a time.

    The steps come in the order prepare, ingest (once for each raw), process,
    waiting alerts, export, clean; clean may follow any of them. Every step
    raises `WorkspaceLostError` if the process behind it died or had to be
    killed; the next call starts a new one on the same folder, so waiting
    alerts, export and clean still work.
    """

    async def prepare(self, assignment: Assignment) -> Prepared:
        """Copy inputs from the central repository and run the preprocessing pipeline.

        A failing preprocessing pipeline is a warning; so is any pipeline that
        cannot be loaded, as long as a main one can.

        Raises
        ------
        NothingRunnableError
            Raised if no main pipeline can run.
        InitOutputsMissingError
            Raised if the initializer's outputs are not there (yet).
        DiskFullError
            Raised if this worker's disk is full.
        WorkspaceError
            Raised if something else went wrong.
        """
        ...

    async def ingest(self, raw: RawImage) -> Exposure:
        """Download one raw into the local repository and read its header.

        Raises
        ------
        RawUnreadableError
            Raised if the file is damaged or contradicts its key.
        RawUnavailableError
            Raised if it cannot be fetched.
        DiskFullError
            Raised if this worker's disk is the reason for that.
        WorkspaceError
            Raised if it cannot be stored.
        """
        ...

    async def process(self, exposures: Sequence[int], until: float | None = None) -> Processed:
        """Run the first main pipeline whose graph can be built on the exposures.

        The claim is made before the first permanent change. A pipeline that
        fails while it runs ends the attempt; no other is tried. Alerts that no
        broker takes are laid down in time, and are no failure.

        Parameters
        ----------
        exposures
            Ingested ones.
        until
            When the caller will end the step, on the event loop's clock,
            seconds; None: it waits.

        Raises
        ------
        NothingRunnableError
            Raised if no pipeline's graph can be built.
        ClaimRefusedError
            Raised if the exposures belong to another attempt.
        DiskFullError
            Raised if this worker's disk is full.
        WorkspaceError
            Raised if something else went wrong.
        """
        ...

    async def waiting_alerts(self) -> WaitingAlerts | None:
        """Look for alerts that were laid down and not sent; None if there are none.

        Raises
        ------
        WorkspaceError
            Raised if that cannot be known.
        """
        ...

    async def export(self, what: Export) -> bytes | None:
        """Copy outputs to the central datastore.

        Returns the message for the Butler Writer, opaque here; None if there
        was nothing to tell, or the child told the registry itself.

        Raises
        ------
        DiskFullError
            Raised if this worker's disk is full.
        WorkspaceError
            Raised if outputs could not be copied.
        """
        ...

    async def probe(self, neighbour: Neighbour) -> None:
        """Ask one of the neighbours of the process something that has nothing to do with any visit.

        At any time, also without an assignment. Who is not a neighbour answers.

        Raises
        ------
        WorkspaceError
            Raised if it does not answer.
        """
        ...

    async def clean(self) -> None:
        """Remove what the attempt left in the local repository; never fails."""
        ...

    def hold(self, until: float | None) -> None:
        """Tell until when the lease of the attempt is good; later word replaces earlier.

        The process that does the work ends itself then, because somebody else
        may be at the work from that time on: neither a parent that sleeps nor
        native code that hangs can keep it from it.

        Parameters
        ----------
        until
            On the event loop's clock, seconds; None if there is no attempt.
        """
        ...

    @property
    def claimed_until(self) -> float | None:
        """When the claim of the attempt at hand ends, on the event loop's clock; None if it has none.

        From the claim on the process behind the workspace ends itself then, and
        not when the lease is over.
        """
        ...

    async def surrender(self) -> bool:
        """Let the lease end now: the process ends, unless it has made a claim; returns whether it has."""
        ...

    async def abandon(self) -> None:
        """End the process at once and never start another; what it left is not cleaned."""
        ...

    async def close(self) -> None:
        """End the process behind the workspace."""
        ...


class LocalWorkspace(Protocol):
    """The same steps, synchronous: what stands at the other end, inside the child.

    Semantics and errors are those of `Workspace`.
    """

    def prepare(self, assignment: Assignment) -> Prepared:
        """See `Workspace.prepare`."""
        ...

    def resume(self, assignment: Assignment) -> None:
        """Take over the folder of an assignment whose process died, to export and clean."""
        ...

    def ingest(self, raw: RawImage) -> Exposure:
        """See `Workspace.ingest`."""
        ...

    def process(self, exposures: Sequence[int], until: float | None = None) -> Processed:
        """See `Workspace.process`; the instant is one of the monotonic clock."""
        ...

    def waiting_alerts(self) -> WaitingAlerts | None:
        """See `Workspace.waiting_alerts`."""
        ...

    def export(self, what: Export) -> bytes | None:
        """See `Workspace.export`."""
        ...

    def probe(self, neighbour: Neighbour) -> None:
        """See `Workspace.probe`."""
        ...

    def clean(self) -> None:
        """See `Workspace.clean`."""
        ...
