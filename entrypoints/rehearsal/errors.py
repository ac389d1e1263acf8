"""What is wrong with the input of a rehearsal."""

from domain.errors import PromptProcessingError

__all__ = ["RehearsalError"]


class RehearsalError(PromptProcessingError):
    """A file or an option does not say what a night needs."""
