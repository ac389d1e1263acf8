"""Camera files drafted from frames, for the commands that do."""

from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from entrypoints.long_work import work
from workbench.camera_draft.drafting import CameraDraft, draft_camera
from workbench.camera_draft.samples import Samples, read_samples
from workbench.camera_draft.writing import open_questions
from workbench.pace import Pace

__all__ = ["draft_from", "tell_open_questions"]

_SHOWN = 5
"""Files of each reason that are named."""


def draft_from(
    folder: Path, instrument: str | None, shown: Console, *, stopped: str
) -> tuple[CameraDraft, int]:
    """Draft a camera from the frames below a folder, and name those that are left out.

    Parameters
    ----------
    folder
        Of the frames.
    instrument
        The camera's name; None: as headers say.
    shown
        Where progress and reasons are shown.
    stopped
        What is said after Ctrl-C.

    Returns
    -------
    draft, files
        The draft, and of how many files it was made.
    """
    samples = work(None, partial(_read, folder), Pace(), stopped=stopped)
    for reason, paths in _by_reason(samples).items():
        shown.print(f"{len(paths)} left out ({', '.join(path.name for path in paths[:_SHOWN])}): {reason}")
    if not samples.frames:
        raise click.ClickException(
            f"{folder}: no FITS frame that can be read, {len(samples.left_out)} that cannot"
        )
    drafting = partial(
        draft_camera, samples.frames, instrument=instrument, say=lambda what: shown.print(f"{what} ...")
    )
    draft = work(None, drafting, Pace(), stopped=stopped)
    return draft, len({one.path for one in samples.frames})


def tell_open_questions(draft: CameraDraft, file: Path, shown: Console) -> None:
    """List what a person must still say in a drafted file."""
    questions = open_questions(draft)
    if questions:
        shown.print(f"\nStill to be said by a person, in {file}:")
        for question in questions:
            shown.print(f"  - {question}")


def _read(folder: Path) -> Samples:
    with Progress(transient=True) as progress:
        task = progress.add_task("reading headers", total=None)
        return read_samples(folder, lambda done, of: progress.update(task, completed=done, total=of))


def _by_reason(samples: Samples) -> dict[str, list[Path]]:
    reasons: dict[str, list[Path]] = {}
    for path, reason in samples.left_out.items():
        reasons.setdefault(reason, []).append(path)
    return reasons
