"""What to do while a shared repository is out of reach: try once more, a little later."""

import logging
from collections.abc import Callable
from typing import Final

import sqlalchemy.exc
import tenacity

from adapters.butler.shared.steps import one_line

__all__ = ["OUT_OF_REACH", "reached"]

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


def reached[T](call: Callable[[], T], delay: float) -> T:
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
    retrying = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(_ATTEMPTS),
        wait=tenacity.wait_random((1 - _JITTER) * delay, (1 + _JITTER) * delay),
        retry=tenacity.retry_if_exception_type(OUT_OF_REACH),
        before_sleep=_say,
        reraise=True,
    )
    return retrying(call)


def _say(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    _log.warning("central repository unreachable, retrying once: %s", one_line(error) if error else "")
