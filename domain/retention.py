"""How long a site keeps raws and images: which are to be removed, and which stay though they are old."""

import datetime
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from attrs import frozen

from domain.raws.frame_files import Ending, FrameRecord, TakenFrame
from domain.visit import Identity

__all__ = ["RawRemoval", "first_kept", "removable_raws"]


@frozen(kw_only=True)
class RawRemoval:
    """What becomes of old raws."""

    keys: Mapping[int, tuple[str, ...]]
    """Those to be removed, by night (day_obs)."""
    kept: Mapping[tuple[int, str], int]
    """How many stay, by night and reason."""


def first_kept(tonight: int, days: int) -> int | None:
    """Find the first night that is kept; None if all are.

    Parameters
    ----------
    tonight
        Day_obs (YYYYMMDD) that goes on.
    days
        Nights before it that are kept; 0: all.
    """
    if days == 0:
        return None
    day = datetime.date(tonight // 10_000, tonight // 100 % 100, tonight % 100)
    try:
        return int(f"{day - datetime.timedelta(days=days):%Y%m%d}")
    except OverflowError:
        return None


def removable_raws(
    records: Iterable[FrameRecord],
    *,
    before: int,
    processed: Collection[Identity],
    mastered: Collection[int],
) -> RawRemoval:
    """Find the raws of nights before one that nobody needs.

    Parameters
    ----------
    records
        What became of files.
    before
        First night that is kept.
    processed
        Visit-detectors that were processed to the end.
    mastered
        Nights whose bias, dark and flat frames are in masters.
    """
    reasons: dict[tuple[int, str], set[str]] = {}
    for record in records:
        for frame in record.frames:
            night = frame.exposure.day_obs
            if night < before:
                why = _needed(record.ending, frame, processed, mastered)
                # A file of several detectors has one key: it stays if any of them needs it.
                reasons.setdefault((night, frame.key), set()).update([why] if why else [])
    keys: dict[int, list[str]] = {}
    kept: Counter[tuple[int, str]] = Counter()
    for (night, key), needed in sorted(reasons.items()):
        if needed:
            kept[night, min(needed)] += 1
        else:
            keys.setdefault(night, []).append(key)
    return RawRemoval(keys={night: tuple(found) for night, found in keys.items()}, kept=kept)


def _needed(
    ending: Ending, frame: TakenFrame, processed: Collection[Identity], mastered: Collection[int]
) -> str:
    exposure = frame.exposure
    if ending is Ending.CALIBRATION and exposure.day_obs not in mastered:
        return "no masters, or not all, were made of them"
    identity = Identity(exposure.instrument, exposure.group, exposure.detector)
    if ending is Ending.TAKEN and identity not in processed:
        return "they were not processed to the end"
    return ""
