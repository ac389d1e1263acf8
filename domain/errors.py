"""The root of every error that this project raises on purpose."""

__all__ = ["PromptProcessingError"]


class PromptProcessingError(Exception):
    """Something is wrong that the project understands and can name.

    The text is one line that says which thing is at fault and why.
    """
