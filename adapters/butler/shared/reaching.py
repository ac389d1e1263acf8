"""What to do while a central repository cannot be reached: try once more, a little later."""

import logging
from collections.abc import Callable
from typing import Final

import sqlalchemy.exc
from tenacity import retry_if_exception_type, stop_after_attempt, wait_random

from adapters.butler.shared.steps import one_line
from adapters.common.retrying import Retries

__all__ = ["OUT_OF_REACH", "retry_once_if_unreachable"]

_log = logging.getLogger(__name__)

_ATTEMPTS = 2
_JITTER = 0.25
"""Share of the delay by which workers differ: they all lose a database at the same moment."""
OUT_OF_REACH: Final = (
    sqlalchemy.exc.OperationalError,
    sqlalchemy.exc.InterfaceError,
    sqlalchemy.exc.TimeoutError,
)
"""What a registry that is away raises."""


def retry_once_if_unreachable[T](call: Callable[[], T], delay: float) -> T:
    """Call something that needs a registry; again if the registry cannot be reached.

    Parameters
    ----------
    call
        Can be repeated.
    delay
        Seconds until then, more or less; 0: it is called once.
    """
    if not delay:
        return call()
    return Retries(
        retry_if_exception_type(OUT_OF_REACH),
        wait=wait_random((1 - _JITTER) * delay, (1 + _JITTER) * delay),
        stop=stop_after_attempt(_ATTEMPTS),
        failed=_say,
    ).run(call)


def _say(_: int, error: BaseException) -> None:
    _log.warning("central repository unreachable, retrying once: %s", one_line(error))
