"""What can be wrong with a raw's file."""

__all__ = ["RawFileError", "TruncatedFileError"]


class RawFileError(Exception):
    """A file is no raw: damaged, foreign, or without an image that is the frame.

    The text is one line that says why; which file it is, the caller knows.
    """


class TruncatedFileError(RawFileError):
    """The end of a file is missing: it may yet be written."""
