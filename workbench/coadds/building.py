"""Templates built from the frames of earlier nights."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np
from attrs import frozen
from lsst.daf.butler import Butler
from lsst.images import Box, MaskedImage

from prompt_pipelines.arrays import Flags
from prompt_pipelines.positions import pixel_positions, pixel_scale
from prompt_pipelines.templates import Contribution, Grid, combine_template
from simulator.errors import SimulatorError
from workbench.coadds.all_sky import AllSky, PatchId
from workbench.coadds.choosing import CELLS, FEWEST, Choice, Quality, choose, improvement
from workbench.coadds.frames import Found, Frame, find_frames
from workbench.coadds.stored_sky import ensure_patches, find_sky, make_sky
from workbench.coadds.versions import Key, NewVersion, Version, new_version, tidy, versions
from workbench.pace import Pace

__all__ = ["Built", "Wanted", "build_templates"]

_AROUND = 40  # pixels of a frame that are read beyond a patch


@frozen(kw_only=True)
class Wanted:
    """What is to be built."""

    instrument: str
    skymap: str
    filters: tuple[str, ...] = ()
    nights: tuple[int | None, int | None] = (None, None)
    without_newest: bool = False
    most: int = 24
    """Frames for a place on the sky."""
    rebuild: bool = False
    """Whether to build templates that would be no better than those there are."""


@frozen(kw_only=True, eq=False)
class _Plan:
    """A template to build, or why it is left as it is."""

    key: Key
    choice: Choice | None
    reason: str


@frozen(kw_only=True, eq=False)
class Built:
    """What became of the frames."""

    run: str | None
    """None if there is nothing new."""
    built: tuple[tuple[Key, Quality, str], ...]
    """With the reason."""
    left: tuple[tuple[Key, str], ...]
    frames: Found


def build_templates(butler: Butler, wanted: Wanted, pace: Pace) -> Built:
    """Build the templates that earlier nights allow and that are better than those there are.

    Raises
    ------
    SimulatorError
        Raised if there is no image to build them from.
    """
    tidy(butler, wanted.instrument)
    found = find_frames(
        butler,
        wanted.instrument,
        filters=wanted.filters,
        nights=wanted.nights,
        without_newest=wanted.without_newest,
        pace=pace,
    )
    if not found.frames:
        reasons = "; ".join(f"{len(names)} images: {reason}" for reason, names in found.left.items())
        raise SimulatorError(
            f"no image of {wanted.instrument} can have a part in a template: {reasons or 'there is none'}"
        )
    sky = find_sky(butler, wanted.skymap) or make_sky(
        butler, wanted.instrument, wanted.skymap, _pixels(found.frames[0])
    )
    shown = _patches_shown(sky, found.frames, pace)
    newest = max(one.night for one in found.frames)
    known = [one for one in versions(butler, wanted.instrument) if not one.retired]
    plans = [
        _plan(sky, key, frames, wanted=wanted, old=_served(known, key, newest))
        for key, frames in sorted(shown.items(), key=lambda item: item[0])
    ]
    left = [(one.key, one.reason) for one in plans if one.choice is None]
    todo = [(one, one.choice) for one in plans if one.choice is not None]
    if not todo:
        return Built(run=None, built=(), left=tuple(left), frames=found)
    run, built = _carry_out(butler, sky, wanted.instrument, todo, pace)
    return Built(run=run, built=tuple(built), left=tuple(left), frames=found)


def _carry_out(
    butler: Butler, sky: AllSky, instrument: str, todo: Sequence[tuple[_Plan, Choice]], pace: Pace
) -> tuple[str, list[tuple[Key, Quality, str]]]:
    """Build templates as one version."""
    ensure_patches(butler, sky, sorted({one.key.patch for one, _ in todo}))
    newest = max(night for _, choice in todo for night in choice.quality.nights)
    built: list[tuple[Key, Quality, str]] = []
    total = sum(len(choice.frames) for _, choice in todo)
    # Whoever stops the work waits until what was made is gone.
    with pace.unbroken(), new_version(butler, instrument, newest) as version:
        for plan, choice in todo:
            _build(version, sky, plan.key, choice, lambda: pace.step("frames resampled", total))
            built.append((plan.key, choice.quality, plan.reason))
    return version.run, built


def _build(version: NewVersion, sky: AllSky, key: Key, choice: Choice, step: Callable[[], None]) -> None:
    box = sky.box(key.patch.patch)
    grid = Grid(box, sky.projection(key.patch.tract))
    metadata = {
        "template_nights": " ".join(map(str, choice.quality.nights)),
        "template_frames": " ".join(one.name for one in choice.frames),
        "template_seeing_arcsec": choice.quality.seeing,
        "template_depth_mag": choice.quality.depth,
    }
    parts = _contributions(version.butler, sky, key, choice.frames, step)
    image = combine_template(parts, grid, metadata)
    version.put(key, image, choice.quality)


def _contributions(
    butler: Butler, sky: AllSky, key: Key, frames: Sequence[Frame], step: Callable[[], None]
) -> Iterator[Contribution]:
    """Read what frames show of a patch, one at a time."""
    box = sky.box(key.patch.patch)
    x, y = (np.linspace(side.start, side.stop - 1.0, CELLS + 1) for side in (box.x, box.y))
    columns, rows = (values.ravel() for values in np.meshgrid(x, y))
    ra, dec = sky.positions(key.patch.tract, columns, rows)
    for frame in frames:
        step()
        part = _part(frame, *pixel_positions(frame.projection, ra, dec))
        if part is None:
            continue
        image = butler.get(frame.ref, parameters={"bbox": part})
        placed = MaskedImage(
            image.image, mask=image.mask, variance=image.variance, sky_projection=cast(Any, frame.projection)
        )
        yield Contribution(placed, frame.scale)


def _part(frame: Frame, x: np.ndarray, y: np.ndarray) -> Box | None:
    """Find the pixels of a frame around places; None if there are none."""
    sides = []
    for side, at in ((frame.box.y, y), (frame.box.x, x)):
        first = max(side.start, int(np.nanmin(at)) - _AROUND)
        last = min(side.stop, int(np.nanmax(at)) + _AROUND)
        if first >= last:
            return None
        sides.append(slice(first, last))
    return Box.factory[sides[0], sides[1]]


def _patches_shown(sky: AllSky, frames: Sequence[Frame], pace: Pace) -> Mapping[Key, list[Frame]]:
    """Sort frames by what they show."""
    shown: dict[Key, list[Frame]] = {}
    for frame in pace.over("frames sorted by patch", frames):
        for patch in sky.patches_of(*frame.grid(0.9 * sky.border * sky.scale)):
            shown.setdefault(Key(sky.name, patch, frame.band), []).append(frame)
    return shown


def _plan(sky: AllSky, key: Key, frames: Sequence[Frame], *, wanted: Wanted, old: Quality | None) -> _Plan:
    choice = choose(frames, _covered(sky, key.patch, frames), wanted.most)
    if choice is None:
        few = f"too few frames show it: {len(frames)}"
        said = few if len(frames) < FEWEST else "nowhere do enough frames overlap"
        return _Plan(key=key, choice=None, reason=f"{said}, a template takes {FEWEST}")
    if old is None or wanted.rebuild:
        return _Plan(key=key, choice=choice, reason="the first" if old is None else "asked for")
    better = improvement(choice.quality, old)
    if better:
        return _Plan(key=key, choice=choice, reason=better)
    return _Plan(key=key, choice=None, reason="no better than the one there is")


def _covered(sky: AllSky, patch: PatchId, frames: Sequence[Frame]) -> Flags:
    """Tell which places of a patch each frame shows."""
    box = sky.box(patch.patch, border=0)
    x, y = (side.start - 0.5 + (np.arange(CELLS) + 0.5) * side.size / CELLS for side in (box.x, box.y))
    columns, rows = (values.ravel() for values in np.meshgrid(x, y))
    ra, dec = sky.positions(patch.tract, columns, rows)
    covered = np.zeros((len(frames), ra.size), dtype=bool)
    for number, frame in enumerate(frames):
        there = pixel_positions(frame.projection, ra, dec)
        inside = [
            (at >= side.start) & (at < side.stop)
            for at, side in zip(there, (frame.box.x, frame.box.y), strict=True)
        ]
        covered[number] = inside[0] & inside[1]
    return covered


def _served(known: Sequence[Version], key: Key, newest: int) -> Quality | None:
    """Find the template of a patch that is used with visits after these nights."""
    for version in known:
        for one in version.templates:
            if one.key == key and all(night <= newest for night in one.quality.nights):
                return one.quality
    return None


def _pixels(frame: Frame) -> tuple[float, int]:
    return pixel_scale(frame.projection, frame.box), max(frame.box.x.size, frame.box.y.size)
