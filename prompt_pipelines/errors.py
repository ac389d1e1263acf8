"""What the pipelines raise on purpose.

All are a `PromptPipelinesError`. `UnusableImageError` is an ``AlgorithmError``
too: the middleware records it as a repeatable failure of a task, so that nobody
retries it.
"""

from typing import Any

from lsst.pipe.base import AlgorithmError

__all__ = [
    "AlertError",
    "CalibrationError",
    "CameraDescriptionError",
    "PromptPipelinesError",
    "RawFormatError",
    "UnusableImageError",
    "WcsError",
]


class PromptPipelinesError(Exception):
    """Something is wrong that the pipelines understand and can name."""


class AlertError(PromptPipelinesError):
    """Alerts could not be handed to the broker, nor laid down to be sent later."""


class RawFormatError(PromptPipelinesError):
    """A file is no raw frame: truncated, foreign, or without an image where one belongs."""


class CameraDescriptionError(PromptPipelinesError):
    """The camera description lacks something, or contradicts itself."""


class CalibrationError(PromptPipelinesError):
    """Frames cannot be combined into a master calibration."""


class WcsError(PromptPipelinesError):
    """No sky projection can be made from a header or from pointing and geometry."""


class UnusableImageError(PromptPipelinesError, AlgorithmError):
    """An image cannot be processed, and trying again would not help.

    Parameters
    ----------
    message
        What is wrong with the image.
    **metadata
        Numbers and words that go into the task's metadata.
    """

    def __init__(self, message: str, **metadata: str | int | float | bool) -> None:
        super().__init__(message)
        self._metadata = metadata

    @property
    def metadata(self) -> dict[str, Any]:
        """Numbers and words that say more."""
        return self._metadata
