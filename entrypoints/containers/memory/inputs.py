"""What a rehearsal reads: cameras, YAML, and the records of nights that were."""

import datetime
from collections.abc import Sequence
from pathlib import Path

from adapters.common.yaml_loader import NotYamlError, load_yaml
from adapters.files.cameras import load_camera
from application.console.nights import last_night, records_of_night
from domain.cameras.detectors import Purpose
from domain.errors import PromptProcessingError
from domain.work.attempts import AttemptRecord
from entrypoints.containers.outcomes import opened_records

__all__ = ["UnreadableInputError", "read_night", "read_yaml", "science_detectors"]


class UnreadableInputError(PromptProcessingError):
    """A file cannot be read."""


def science_detectors(camera: str) -> int:
    """Count the science detectors of a camera, by its name or file."""
    return sum(one.purpose is Purpose.SCIENCE for one in load_camera(camera).detectors)


def read_yaml(path: Path) -> object:
    """Read a YAML or JSON file.

    Raises
    ------
    UnreadableInputError
        Raised if it is none.
    """
    try:
        return load_yaml(path.read_bytes())
    except (OSError, NotYamlError) as error:
        raise UnreadableInputError(f"{path}: {error}") from error


async def read_night(folder: Path, night: datetime.date | None) -> Sequence[AttemptRecord]:
    """Read the last record of each visit-detector of a night; None is the last night.

    Parameters
    ----------
    folder
        A site, or what `demo` or `replay` has kept.
    night
        Its day_obs.

    Raises
    ------
    PromptProcessingError
        Raised if nothing is recorded there.
    """
    async with opened_records(folder) as records:
        night = night or await last_night(records.ledger, records.instrument)
        if night is None:
            raise UnreadableInputError(f"{folder}: no work was recorded")
        return await records_of_night(records.ledger, records.instrument, night)
