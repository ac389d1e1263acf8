"""A real night against what is known of it: two asteroids and a variable star.

The folder is that of a night of the camera ``lowell`` with its truth files (``truth_A_5945.csv``,
``truth_B_mover.csv``, ``truth_V1_lightcurve.csv``), named by SKY_NIGHT. Templates of each half of the night
serve the other, as `replay` makes them.
"""

import csv
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
from astropy.table import Row, vstack
from attrs import frozen
from lsst.daf.butler import Butler

from adapters.files.cameras import load_camera
from benchmarks.sky.chain import Found, Single, Subtracted, Truth, find, subtract
from benchmarks.sky.injection import inject
from domain.movers.linking import link
from domain.results.sources import DiaSource
from prompt_pipelines.positions import pixel_positions
from workbench.night_repository import make_repository
from workbench.reduction.single_frames import SingleFrames
from workbench.replay import recorded_night
from workbench.templates.night_templates import add_night_templates

__all__ = ["RealFrame", "observe_again", "others_that_move"]

_TRIMMED_X, _FIRST_ROW = 18, 601  # of the raw frame's pixels, counted from 1, in the truth files
_BAND = "r"
_MOVERS = {"(5945)": "truth_A_5945.csv", "B": "truth_B_mover.csv"}
_VARIABLE = "truth_V1_lightcurve.csv"
_FEWEST = 6  # sightings of a mover
_ERROR = 0.3  # arcseconds, of a position
_CADENCE = 309.0 / 86_400.0  # days from one frame to the next


@frozen(kw_only=True, eq=False, slots=False)
class RealFrame:
    """What was found on one detector of one exposure."""

    detector: int
    number: int
    """Of the exposure."""
    names: Sequence[str]
    """Of what is true, in the order of the truth."""
    made: Subtracted

    @cached_property
    def found(self) -> Found:
        """What is found."""
        return find(self.made)


def observe_again(folder: Path, injected: int = 0, seed: int = 1) -> Iterator[RealFrame]:
    """Process the night, with so many new sources in each image."""
    rng = np.random.default_rng(seed)
    plan, night = recorded_night(folder, load_camera("lowell"))
    truths = _Truths(folder)
    with tempfile.TemporaryDirectory(prefix="benchmark-sky-") as place:
        root = Path(place) / "repository"
        make_repository(root, plan)
        parts, _ = add_night_templates(root, plan, night)
        with Butler.from_config(str(root)) as butler:
            frames = SingleFrames(butler, plan, night)
            catalogue = vstack(_all_of(butler, "reference_catalogue"), metadata_conflicts="silent")
            for part in parts:
                templates = _all_of(butler, "template_coadd", skymap=part.skymap)
                for visit in part.visits:
                    for detector in visit.detectors:
                        frame = frames.make(visit, detector)
                        single = Single(image=frame.image, psf=frame.psf, sources=frame.sources)
                        number = int(Path(night.name(visit, detector)).name.split(".")[1].split("_")[0])
                        names, truth = truths.of(number, detector, single)
                        if injected:
                            truth = truth.and_also(inject(rng, single, injected))
                        made = subtract(single, catalogue, _BAND, templates, truth)
                        yield RealFrame(detector=detector, number=number, names=names, made=made)


def others_that_move(frames: Sequence[RealFrame]) -> Mapping[tuple[int, int], int]:
    """Count, by exposure and detector, sources that are nothing known and lie on a line that moves evenly.

    What stays at its place is no such line: it may be an artefact. So is nobody's mistake what
    six exposures or more show to be a body that no truth file names.
    """
    seen = (
        _sighting(number, frame, one)
        for number, (frame, one) in enumerate((frame, one) for frame in frames for one in frame.found.false())
    )
    bodies = [one for one in link(seen) if len(one.sightings) >= _FEWEST]
    return Counter((one.visit, one.detector) for body in bodies for one in body.sightings)


def _sighting(number: int, frame: RealFrame, row: Row) -> DiaSource:
    error = _ERROR / 3600.0
    return DiaSource(
        source_id=number, object_id=number, visit=frame.number, detector=frame.detector, band=_BAND,
        mjd=frame.number * _CADENCE, ra=float(row["ra"]), dec=float(row["dec"]), x=float(row["x"]),
        y=float(row["y"]), snr=0.0, flux=float(row["psf_flux"]), flux_err=0.0, science_flux=0.0, ra_err=error,
        dec_err=error,
    )  # fmt: skip


class _Truths:
    def __init__(self, folder: Path) -> None:
        self._movers = {name: _rows(folder / file) for name, file in _MOVERS.items()}
        self._variable = next(iter(_rows(folder / _VARIABLE).values()))

    def of(self, number: int, detector: int, single: Single) -> tuple[list[str], Truth]:
        if detector == 0:
            names = list(self._movers)
            rows = [self._movers[name][number] for name in names]
            x = np.array([float(row["x_raw1"]) - _TRIMMED_X for row in rows])
            y = np.array([float(row["y_raw1"]) - _FIRST_ROW for row in rows])
        else:
            names = ["V1"]
            ra, dec = (np.array([float(self._variable[key])]) for key in ("ra_deg", "dec_deg"))
            x, y = pixel_positions(cast(Any, single.image.sky_projection), ra, dec)
        return names, Truth(x=x, y=y, snr=np.full(len(x), np.nan))


def _rows(file: Path) -> dict[int, dict[str, str]]:
    with file.open() as lines:
        return {int(row["frame"]): row for row in csv.DictReader(lines)}


def _all_of(butler: Butler, name: str, **where: str) -> list[Any]:
    clause = " AND ".join(f"{key}='{value}'" for key, value in where.items())
    refs = butler.query_datasets(name, collections="*", find_first=False, where=clause)
    return [butler.get(ref) for ref in refs]
