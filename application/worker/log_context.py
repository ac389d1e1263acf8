"""What every log line says beside its message: which visit-detector it is about."""

import contextlib
import contextvars
from collections.abc import Iterator, Mapping

from domain.visit import VisitDetector

__all__ = ["current_log_context", "logging_about"]

_CONTEXT: contextvars.ContextVar[Mapping[str, object]] = contextvars.ContextVar("log_context")


def current_log_context() -> Mapping[str, object]:
    """Give the fields of the running task's log lines."""
    return _CONTEXT.get({})


@contextlib.contextmanager
def logging_about(work: VisitDetector, **more: object) -> Iterator[None]:
    """Let log lines of this task, and of tasks begun in it, name the visit-detector."""
    visit = work.visit
    token = _CONTEXT.set(
        {
            "instrument": visit.instrument,
            "group": visit.group,
            "survey": visit.survey,
            "detector": work.detector,
            **more,
        }
    )
    try:
        yield
    finally:
        _CONTEXT.reset(token)
