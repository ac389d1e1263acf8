"""Which frames make the template of a patch, and whether it would be better than the one there is."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from attrs import frozen

from prompt_pipelines.arrays import Flags
from workbench.coadds.frames import Frame, magnitude

__all__ = ["CELLS", "FEWEST", "Choice", "Quality", "choose", "improvement"]

CELLS: Final = 8
"""Places in a row of a patch, and rows, at which coverage is looked at."""
FEWEST: Final = 3
"""Frames that make a template: fewer cannot tell a cosmic ray from the sky."""
_WIDE: Final = 1.3
"""Times the sharper quarter's seeing, beyond which a frame is taken only for want of better ones."""
_POOR: Final = 3.0
"""Times the best one's noise, beyond which a frame adds nothing: a ninth of its weight."""
_COVERS_MORE, _DEEPER, _SHARPER = 0.02, 0.05, 0.93  # share of the patch, magnitudes, times the seeing
_SLIGHTLY = (0.1, 1.15)  # magnitudes and times the seeing that one may lose where the other gains


@frozen(kw_only=True)
class Quality:
    """How good a template is."""

    frames: int
    nights: tuple[int, ...]
    seeing: float | None
    """Arcseconds; None if nobody knows."""
    depth: float | None
    """Magnitude at five times the noise."""
    coverage: float
    """Share of the patch."""

    def as_dict(self) -> dict[str, Any]:
        """Write it down."""
        return {
            "frames": self.frames,
            "nights": list(self.nights),
            "seeing_arcsec": None if self.seeing is None else round(self.seeing, 3),
            "depth_mag": None if self.depth is None else round(self.depth, 3),
            "coverage": round(self.coverage, 4),
        }

    @classmethod
    def from_dict(cls, content: Any) -> "Quality":  # noqa: ANN401 - what JSON holds
        """Read what `as_dict` wrote."""
        return cls(
            frames=content["frames"],
            nights=tuple(content["nights"]),
            seeing=content["seeing_arcsec"],
            depth=content["depth_mag"],
            coverage=content["coverage"],
        )


@frozen(kw_only=True, eq=False)
class Choice:
    """The frames of a template, the best first."""

    frames: tuple[Frame, ...]
    quality: Quality


def choose(frames: Sequence[Frame], covered: Flags, most: int) -> Choice | None:
    """Choose the frames that make a template; None if nowhere there are enough.

    Each place of the patch gets the best frames there are for it, sharp and deep, in turn from
    each night: what shines during one night, or moves slowly, is a minority then.

    Parameters
    ----------
    frames
        That show any of the patch, of one band.
    covered
        Which of the patch's places (columns) each frame (a row) shows.
    most
        Frames for a place.
    """
    if not len(frames):
        return None
    limit = _WIDE * float(np.percentile([one.seeing for one in frames], 25.0))
    order = sorted(
        range(len(frames)), key=lambda i: (frames[i].seeing > limit, frames[i].noise, frames[i].name)
    )
    worst = _POOR * min(one.noise for one in frames)
    chosen: set[int] = set()
    for place in range(covered.shape[1]):
        here = [i for i in order if covered[i, place]]
        fine = [i for i in here if frames[i].noise <= worst]
        chosen.update(_in_turn(frames, fine if len(fine) >= FEWEST else here)[:most])
    # Frames of places that too few show help others no less.
    numbers = covered[sorted(chosen)].sum(axis=0) if chosen else np.zeros(covered.shape[1], dtype=int)
    if not (numbers >= FEWEST).any():
        return None
    taken = tuple(frames[i] for i in order if i in chosen)
    return Choice(frames=taken, quality=_quality(taken, covered[[i for i in order if i in chosen]]))


def _in_turn(frames: Sequence[Frame], order: Sequence[int]) -> list[int]:
    """Take the best frame of each night, then the second of each, and so on."""
    taken: dict[int, int] = {}
    rounds: list[tuple[int, int]] = []
    for place, i in enumerate(order):
        rounds.append((taken.get(frames[i].night, 0), place))
        taken[frames[i].night] = taken.get(frames[i].night, 0) + 1
    return [order[place] for _, place in sorted(rounds)]


def _quality(frames: Sequence[Frame], covered: Flags) -> Quality:
    enough = covered.sum(axis=0) >= FEWEST
    weights = np.array([one.noise**-2 for one in frames])
    noise = np.median((covered[:, enough] * weights[:, None]).sum(axis=0)) ** -0.5
    return Quality(
        frames=len(frames),
        nights=tuple(sorted({one.night for one in frames})),
        seeing=float(np.median([one.seeing for one in frames])),
        depth=magnitude(float(noise)),
        coverage=float(enough.mean()),
    )


def improvement(new: Quality, old: Quality) -> str:
    """Say in what a template would be better than another; blank if in nothing."""
    if new.coverage > old.coverage + _COVERS_MORE:
        return f"covers {100 * new.coverage:.0f} % instead of {100 * old.coverage:.0f} %"
    if None in (new.depth, old.depth, new.seeing, old.seeing) or new.coverage < old.coverage - _COVERS_MORE:
        return ""
    deeper = float(new.depth or 0.0) - float(old.depth or 0.0)
    wider = float(new.seeing or 0.0) / float(old.seeing or 1.0)
    if deeper > _DEEPER and wider < _SLIGHTLY[1]:
        return f"deeper by {deeper:.2f} mag"
    if wider < _SHARPER and deeper > -_SLIGHTLY[0]:
        return f"sharper: {new.seeing:.2f} instead of {old.seeing:.2f} arcsec"
    return ""
