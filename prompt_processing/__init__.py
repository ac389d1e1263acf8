"""The results of a night, from Python; only the version is here yet."""

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("prompt-processing")
