"""Calls that may end in one of the project's own errors, and in no other."""

from collections.abc import Callable

from domain.errors import PromptProcessingError

__all__ = ["value_or_error"]


def value_or_error[**P, T](
    function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T | PromptProcessingError:
    """Give what a call returns, or the project's error that it raises."""
    try:
        return function(*args, **kwargs)
    except PromptProcessingError as error:
        return error
