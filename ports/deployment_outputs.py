"""What the initializer prepares in the central repository."""

from collections.abc import Sequence
from typing import Protocol

from attrs import frozen

from domain.errors import PromptProcessingError

__all__ = ["DeploymentOutputs", "InitializerError", "RunPlan"]


class InitializerError(PromptProcessingError):
    """The central repository cannot be prepared; the text says what to mend."""


@frozen(kw_only=True)
class RunPlan:
    """One run to prepare."""

    run: str
    pipeline: str | None
    """File of the pipeline whose init-outputs go there; None for the preload run."""


class DeploymentOutputs(Protocol):
    """Init-outputs, runs and chains in the central repository.

    Every call can be repeated, run twice at once, or be cut short and run again.
    """

    async def prepare(self, chain: str, runs: Sequence[RunPlan], *, register: bool) -> Sequence[str]:
        """Check dataset types, write init-outputs, and put the runs in front of the chain.

        Returns a line for each thing that was done, none if all was there.

        Raises
        ------
        InitializerError
            Raised if a dataset type is missing and `register` is false, is
            defined differently, or the repository cannot be reached.
        """
        ...

    async def preview(self, chain: str, runs: Sequence[RunPlan], *, register: bool) -> Sequence[str]:
        """Say what `prepare` would do, in the same lines, and change nothing.

        Raises
        ------
        InitializerError
            Raised if `prepare` would not begin, for the same reasons.
        """
        ...
