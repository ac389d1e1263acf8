"""What every log line says beside its message: which visit-detector it is about."""

import contextlib
import contextvars
from collections.abc import Iterator, Mapping

from domain.errors import PromptProcessingError
from domain.times import day_obs_of, utc_from_tai
from domain.visit import Visit, VisitDetector

__all__ = ["current_log_context", "logging_about", "note_exposure"]

_CONTEXT: contextvars.ContextVar[Mapping[str, object]] = contextvars.ContextVar("log_context")


def current_log_context() -> Mapping[str, object]:
    """Give the fields of the running task's log lines."""
    return _CONTEXT.get({})


@contextlib.contextmanager
def logging_about(work: VisitDetector, **more: object) -> Iterator[None]:
    """Let log lines of this task, and of tasks begun in it, name the visit-detector.

    They name its exposures too, as far as `note_exposure` was told of them.
    """
    visit = work.visit
    token = _CONTEXT.set(
        {
            "instrument": visit.instrument,
            "group": visit.group,
            "survey": visit.survey,
            "detector": work.detector,
            "day_obs": _day_obs(visit),
            "exposures": [],
            **more,
        }
    )
    try:
        yield
    finally:
        _CONTEXT.reset(token)


def note_exposure(exposure: int) -> None:
    """Let the lines that follow name an exposure of the visit-detector."""
    known = _CONTEXT.get({}).get("exposures")
    if isinstance(known, list) and exposure not in known:
        known.append(exposure)


def _day_obs(visit: Visit) -> int | None:
    """Tell the observing day of the announcement, YYYYMMDD."""
    try:
        return int(day_obs_of(utc_from_tai(visit.sent)).strftime("%Y%m%d"))
    except PromptProcessingError:
        return None  # It was sent at no instant; a log line is no place to fail.
