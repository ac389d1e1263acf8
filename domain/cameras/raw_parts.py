"""Where in a file the pixels of a camera's detectors are."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from attrs import frozen

from domain.cameras.detectors import Detector, Hdu

__all__ = ["RawPart", "part_of", "parts_of"]

type _Size = tuple[int, int]


@frozen(kw_only=True)
class RawPart:
    """What one detector's pixels are in, for those detectors whose are in the same."""

    detectors: tuple[int, ...]
    """Numbers; which of several it is, only a header tells."""
    hdus: Mapping[Hdu, frozenset[_Size]]
    """All that belong to it, in the order of its amplifiers, and the rows and columns that each may have at
    least; a size that nobody knows is none. Without any it is the one image of one of `sizes`."""
    sizes: frozenset[_Size]


def part_of(detectors: Collection[Detector]) -> RawPart:
    """Describe the part of a file that one detector's pixels are in, whichever of these it is.

    Parameters
    ----------
    detectors
        Those whose pixels are in the HDUs of the same names.
    """
    hdus: dict[Hdu, set[_Size]] = {}
    sizes: set[_Size] = set()
    for detector in detectors:
        for hdu, size in detector.raw_parts.items():
            known = sizes if hdu is None else hdus.setdefault(hdu, set())
            if size is not None:
                known.add(size)
    # Of one whose size is not known, any may be right.
    open_ended = {
        hdu for one in detectors for hdu, size in (one.raw_parts or {None: None}).items() if size is None
    }
    return RawPart(
        detectors=tuple(detector.number for detector in detectors),
        hdus={hdu: frozenset() if hdu in open_ended else frozenset(known) for hdu, known in hdus.items()},
        sizes=frozenset() if None in open_ended else frozenset(sizes),
    )


def parts_of(detectors: Sequence[Detector]) -> Sequence[RawPart]:
    """List the parts that a file of a camera may have, in the order of its detectors."""
    alike: dict[tuple[Hdu | None, ...], list[Detector]] = defaultdict(list)
    for detector in detectors:
        alike[tuple(detector.raw_parts) or (None,)].append(detector)
    return [part_of(same) for same in alike.values()]
