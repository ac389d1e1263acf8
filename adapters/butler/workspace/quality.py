"""What a pipeline says of the quality of its images."""

import logging

from adapters.butler.shared.steps import one_line
from adapters.butler.workspace.attempt import OpenAttempt
from domain.work.quality import Quality

__all__ = ["read_quality"]

_log = logging.getLogger(__name__)

_DATASET = "visit_quality"


def read_quality(attempt: OpenAttempt) -> Quality | None:
    """Read the quality of the last visit that is held, else of the last; None if no task has told any.

    What cannot be read costs the attempt nothing: the dataset itself is exported.
    """
    try:
        refs = [
            ref
            for ref in attempt.repository.outputs(list(attempt.journal.runs))
            if ref.datasetType.name == _DATASET
        ]
        ordered = sorted(refs, key=lambda ref: int(ref.dataId["visit"]))
        found = [Quality.of(attempt.repository.get(ref)) for ref in ordered]
    except Exception as error:  # noqa: BLE001 - each store has errors of its own
        _log.warning("%s cannot be read: %s", _DATASET, one_line(error))
        return None
    return max(found, key=lambda one: bool(one.held), default=None) if found else None
