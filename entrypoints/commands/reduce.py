"""Frames at hand, reduced in seconds."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from entrypoints.commands.tables import console, table
from entrypoints.containers.observatory import load_camera
from entrypoints.long_work import work
from entrypoints.saying import say
from workbench.masters.calibration_repository import opened
from workbench.pace import Pace
from workbench.reduction.reduction import Failed, Reduced, reduce_frames

__all__ = ["command"]

_COLUMNS = ("frame", "calibrated by", "without", "sources", "FWHM", "sky", "seconds", "results")


@click.command(name="reduce")
@click.argument("frames", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--camera", "camera_file", required=True, help="Camera file, or a shipped one's name.")
@click.option("--repo", "repository", help="Butler repository with masters, and reference stars.")
@click.option(
    "--into",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("reduced"),
    show_default=True,
    help="Folder for the results, which are written over.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")
def command(
    *, frames: Sequence[Path], camera_file: str, repository: str | None, folder: Path, as_json: bool
) -> None:
    """Reduce the science frames among FRAMES (files, or folders with all in them).

    What calibrations there are is applied, and what is missing is said: masters
    are made of the bias, dark and flat frames among FRAMES, and others are taken
    from the repository. Each frame becomes an image (FITS, electrons), a
    catalogue (ECSV) and a PNG; the repository's reference catalogue, if there
    is one, calibrates positions and fluxes. Processed copies of raws beside them
    are left out and named. The exit code is 0 if any frame was reduced, 130
    after Ctrl-C.
    """
    camera, pace = load_camera(camera_file), Pace()

    def reduce() -> list[Reduced | Failed]:
        with opened(repository) as butler:
            return list(reduce_frames(frames, camera, butler, folder, pace))

    results = work("reading headers", reduce, pace)
    reduced = [one for one in results if isinstance(one, Reduced)]
    failed = [one for one in results if isinstance(one, Failed)]
    if as_json:
        record = {
            "reduced": [_record(one) for one in reduced],
            "failed": [{"file": str(one.file), "reason": one.reason} for one in failed],
        }
        say(json.dumps(record, indent=2))
    else:
        console().print(table(f"reduced into {folder}", _COLUMNS, [_row(one) for one in reduced]))
        for one in (one for one in failed if not one.is_logged):
            say(f"{one.file} is not reduced: {one.reason}", err=True)
    if not reduced:
        raise SystemExit(1)


def _record(one: Reduced) -> dict[str, Any]:
    files = {"file": one.file, "image": one.image, "catalogue": one.catalogue, "picture": one.picture}
    return {**{name: str(path) for name, path in files.items()}, **one.facts}


def _row(one: Reduced) -> tuple[object, ...]:
    facts: Mapping[str, Any] = one.facts
    fwhm, scale = facts["psf_fwhm_pixels"], facts["pixel_scale_arcsec"]
    width = [] if fwhm is None else [f"{fwhm:.2f} pix"]
    if fwhm is not None and scale is not None:
        width.append(f"{fwhm * scale:.2f} arcsec")
    by_stars = [] if facts["calibration_by_stars"] is None else ["stars"]
    return (
        one.file,
        " ".join([*facts["calibrations"], *by_stars]) or "nothing",
        " ".join(facts["calibrations_missing"]),
        facts["sources"],
        ", ".join(width),
        f"{facts['sky_level_electron']:.1f} electrons",
        facts["seconds"],
        f"{one.image.stem}.*",
    )
