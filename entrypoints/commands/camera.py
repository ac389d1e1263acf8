"""Camera files: drafted from frames, and checked."""

from collections import Counter
from functools import partial
from pathlib import Path

import click

from domain.cameras.camera import Camera
from entrypoints.commands.drafts import draft_from, tell_open_questions
from entrypoints.commands.tables import console, ranges, table
from entrypoints.containers.observatory import load_camera
from entrypoints.long_work import work
from workbench.camera_draft.writing import write_draft
from workbench.pace import Pace
from workbench.recorded_frames import RecordedFrames, read_frames

__all__ = ["command"]

_STOPPED = "stopped; no file was written"


@click.group(name="camera")
def command() -> None:
    """Write and check camera files."""


@command.command(name="from-fits")
@click.argument("folder", metavar="FOLDER", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write it; by default the instrument's name with .yaml, in the current folder.",
)
@click.option("--instrument", help="The camera's name; by default made of card INSTRUME.")
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
def from_fits(*, folder: Path, output: Path | None, instrument: str | None, force: bool) -> None:
    """Draft a camera file from the frames below FOLDER.

    A night with biases, flats and science exposures tells most. A detector may
    be a file, an HDU of a file, or several HDUs; its amplifiers may share one.
    Header rules are guessed by the cards' names and tried on every frame;
    sections come from the header or from a flat's pixels, gain and read noise
    from pairs of flats and biases, places from the WCS or DETSEC. Each guess is
    marked in the file, and what a person must still say is listed at the end.
    The exit code is 0 if a file was written.
    """
    shown = console()
    draft, files = draft_from(folder, instrument, shown, stopped=_STOPPED)
    target = output or Path(f"{draft.instrument}.yaml")
    if target.exists() and not force:
        raise click.ClickException(f"{target} exists: name another file by --output, or give --force")
    target.write_text(write_draft(draft), encoding="utf-8")
    shown.print(f"{target}: written from {files} files")
    tell_open_questions(draft, target, shown)
    shown.print(f"\nThen: prompt-processing camera check {target} {folder}")


@command.command(name="check")
@click.argument("file", metavar="FILE")
@click.argument(
    "folder",
    metavar="[FRAMES]",
    required=False,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
@click.pass_context
def check(context: click.Context, *, file: str, folder: Path | None) -> None:
    """Check a camera FILE, and read the headers of all frames below FRAMES by it.

    FILE may be the name of a shipped camera.
    The exit code is 1 if the file is not right or if any frame cannot be read
    by it.
    """
    camera = load_camera(file)
    shown = console()
    shown.print(_summary(camera))
    for line, *others in _unfilled(file).values():
        more = f" (and {len(others)} more like it)" if others else ""
        shown.print(f"still to be filled in: {line}{more}")
    if folder is None:
        return
    pace = Pace()
    frames = work("reading headers", partial(read_frames, folder, camera, pace), pace, stopped="stopped")
    shown.print(_table(frames))
    unknown = sorted(
        {one.exposure.physical_filter for one in frames.of_kind("science")} - set(camera.filters)
    )
    if unknown:
        shown.print(f"filters that the file gives no band for: {', '.join(unknown)}")
    unplaced = [one for one in frames.of_kind("science") if None in (one.exposure.ra, one.exposure.dec)]
    if unplaced and camera.header.wcs is None:
        shown.print(f"{len(unplaced)} science frames tell no pointing, such as {unplaced[0].path.name}")
    if frames.unreadable:
        shown.print(f"{len(frames.unreadable)} files cannot be read by it; the reasons stand above")
        context.exit(1)


def _unfilled(file: str) -> dict[str, list[str]]:
    """Gather the lines of a drafted file that a person must complete, by reason."""
    path = Path(file)
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    reasons: dict[str, list[str]] = {}
    for line in lines:
        _, mark, reason = line.partition("FILL IN: ")
        if mark and "#" in line:
            reasons.setdefault(reason.split("   #")[0], []).append(line.strip())
    return reasons


def _summary(camera: Camera) -> str:
    known = {size for part in camera.raw_parts for size in part.sizes.union(*part.hdus.values())}
    sizes = ", ".join(f"{columns} x {rows}" for rows, columns in sorted(known)) or "unknown"
    numbers = ranges(detector.number for detector in camera.detectors)
    return (
        f"{camera.instrument}: detectors {numbers}, raws of at least {sizes} pixels,"
        f" filters {', '.join(camera.filters) or 'none'}"
    )


def _table(frames: RecordedFrames) -> object:
    counts = Counter((one.exposure.observation_type, one.exposure.physical_filter) for one in frames.frames)
    rows = [(kind, name, count) for (kind, name), count in sorted(counts.items())]
    return table(f"Frames below {frames.folder}", ("kind", "filter", "frames"), rows)
