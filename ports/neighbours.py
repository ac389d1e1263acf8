"""What all neighbours have in common: they go away, and come back."""

from domain.errors import PromptProcessingError

__all__ = ["NeighbourUnavailableError"]


class NeighbourUnavailableError(PromptProcessingError):
    """A neighbour cannot be reached now; the same call may succeed later.

    The errors of the ports that say so of their own neighbour derive from it.
    """
