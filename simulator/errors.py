"""What can go wrong in the box."""

from domain.errors import PromptProcessingError

__all__ = ["SimulatorError"]


class SimulatorError(PromptProcessingError):
    """The simulated observatory cannot do what it was asked."""
