"""What can go wrong with results."""

from domain.errors import PromptProcessingError

__all__ = ["ResultsError"]


class ResultsError(PromptProcessingError):
    """Results are absent, or what was asked for is not among them; the text says what is."""
