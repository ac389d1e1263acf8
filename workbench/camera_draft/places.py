"""Where detectors sit on the focal plane: by the WCS of one exposure's frames, else by DETSEC."""

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from attrs import frozen

from domain.cameras.camera import Box
from raw_files.sections import Section, parse_section
from workbench.camera_draft.amplifiers.readouts import ReadoutDraft
from workbench.camera_draft.header_guess import Matrix, cd_matrix
from workbench.camera_draft.samples import Sample

__all__ = ["Place", "detector_matrix", "nearest_to_boresight", "place_detectors"]

type Floats = npt.NDArray[np.float64]

_DETSEC: Final = re.compile("DETSEC_?[A-Z0-9]{0,2}")


@frozen(kw_only=True)
class Place:
    """Where a detector sits, in pixels of the camera."""

    x: float
    """Of its centre."""
    y: float
    """Of its centre."""
    yaw: float = 0.0
    """Degrees from the camera's x to its own, anticlockwise."""
    why: str


def detector_matrix(frame: Sample, readout: ReadoutDraft) -> Matrix | None:
    """Find the CD matrix of the assembled detector, whose amplifiers may be turned in their image."""
    first = readout.amplifiers[0].placed
    matrix = cd_matrix(frame.cards_of(first.image))
    if matrix is None:
        return None
    x, y = (-1 if first.flip_x else 1), (-1 if first.flip_y else 1)
    return matrix[0] * x, matrix[1] * y, matrix[2] * x, matrix[3] * y


def nearest_to_boresight(frames: Sequence[Sample], readouts: Sequence[ReadoutDraft]) -> int:
    """Choose the detector by which the camera is turned; 0 if nothing tells."""
    found = [
        None if (offset := _offset(frame, readout)) is None else math.hypot(*offset[1])
        for frame, readout in zip(frames, readouts, strict=True)
    ]
    known = [distance for distance in found if distance is not None]
    return found.index(min(known)) if known else 0


def place_detectors(frames: Sequence[Sample], readouts: Sequence[ReadoutDraft]) -> list[Place | None]:
    """Place detectors, None where nothing tells.

    Parameters
    ----------
    frames
        One of each detector, as far as possible of one exposure.
    readouts
        Of the same.
    """
    if len(frames) == 1:
        return [Place(x=0.0, y=0.0, why="")]
    by_wcs = _by_wcs(frames, readouts)
    return by_wcs or _by_sections(frames) or [None] * len(frames)


def _by_wcs(frames: Sequence[Sample], readouts: Sequence[ReadoutDraft]) -> list[Place | None]:
    offsets = [_offset(frame, readout) for frame, readout in zip(frames, readouts, strict=True)]
    matrices = [detector_matrix(frame, readout) for frame, readout in zip(frames, readouts, strict=True)]
    seen = [
        (number, _vector(*offset), np.array(matrix).reshape(2, 2))
        for number, (offset, matrix) in enumerate(zip(offsets, matrices, strict=True))
        if offset is not None and matrix is not None
    ]
    if len(seen) < 2:
        return []
    points = {offset[0] for offset in offsets if offset is not None}
    middle = np.mean([vector for _, vector, _ in seen], axis=0)
    about = _vector(min(points), (0.0, 0.0)) if len(points) == 1 else middle / np.linalg.norm(middle)
    central = nearest_to_boresight(frames, readouts)
    own = next((matrix for number, _, matrix in seen if number == central), seen[0][2])
    to_pixels = np.linalg.inv(own)
    found: list[Place | None] = [None] * len(frames)
    for number, vector, matrix in seen:
        x, y = to_pixels @ _projected(vector, about)
        turn = to_pixels @ matrix
        if np.linalg.det(turn) < 0:
            continue
        yaw = math.degrees(math.atan2(turn[1, 0], turn[0, 0]))
        found[number] = Place(x=float(x), y=float(y), yaw=yaw, why="guess: by the headers' WCS")
    return found if _apart(found, readouts) else []


def _offset(frame: Sample, readout: ReadoutDraft) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Give a header's point of contact, and where the detector's centre is: degrees east and north of it."""
    first = readout.amplifiers[0].placed
    cards, data, place = frame.cards_of(first.image), first.sections.data, first.place
    matrix = cd_matrix(cards)
    try:
        ra, dec, x_at, y_at = (
            float(str(cards[f"{card}{axis}"])) for card in ("CRVAL", "CRPIX") for axis in (1, 2)
        )
    except (KeyError, ValueError):
        return None
    if matrix is None:
        return None
    x, y = (readout.nx - 1) / 2 - place.x_min, (readout.ny - 1) / 2 - place.y_min
    x = (data.x_max - 1 - x if first.flip_x else data.x_min + x) + 1 - x_at
    y = (data.y_max - 1 - y if first.flip_y else data.y_min + y) + 1 - y_at
    return (ra, dec), (matrix[0] * x + matrix[1] * y, matrix[2] * x + matrix[3] * y)


def _vector(point: tuple[float, float], degrees: tuple[float, float]) -> Floats:
    """Turn degrees east and north of a point, on the plane of contact there, into a unit vector."""
    ra, dec = map(math.radians, point)
    east, north = (math.radians(one) for one in degrees)
    at = np.array([math.cos(dec) * math.cos(ra), math.cos(dec) * math.sin(ra), math.sin(dec)])
    to_east = np.array([-math.sin(ra), math.cos(ra), 0.0])
    vector = at + east * to_east + north * np.cross(at, to_east)
    return np.asarray(vector / np.linalg.norm(vector))


def _projected(vector: Floats, about: Floats) -> Floats:
    to_east = np.array([-about[1], about[0], 0.0]) / math.hypot(about[0], about[1])
    plane = vector / (vector @ about)
    return np.degrees(np.array([plane @ to_east, plane @ np.cross(about, to_east)]))


def _apart(places: Sequence[Place | None], readouts: Sequence[ReadoutDraft]) -> bool:
    """Tell whether no two detectors are in one place, as they are if each has a WCS of its own."""
    least = min(min(one.nx, one.ny) for one in readouts) / 2
    return all(
        math.hypot(one.x - other.x, one.y - other.y) > least
        for one, other in itertools.combinations([place for place in places if place is not None], 2)
    )


def _by_sections(frames: Sequence[Sample]) -> list[Place | None]:
    sections = [_sections(frame) for frame in frames]
    if not all(sections):
        return []
    boxes = [_around([Box(*one.box) for one in its]) for its in sections]
    if any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2)):
        return []
    whole = _around(boxes)
    said = parse_section(str(frames[0].cards.get("DETSIZE", "")))
    if said is not None and said.box[1] >= whole.x_max and said.box[3] >= whole.y_max:
        whole = Box(*said.box)
    return [
        Place(
            x=(box.x_min + box.x_max - whole.x_min - whole.x_max) / 2,
            y=(box.y_min + box.y_max - whole.y_min - whole.y_max) / 2,
            yaw=180.0 if [one.flips for one in its] == [(True, True)] else 0.0,
            why="guess: by DETSEC, with gaps as it counts them",
        )
        for box, its in zip(boxes, sections, strict=True)
    ]


def _sections(frame: Sample) -> list[Section]:
    """List the sections of a detector that its images state, for the whole or for each amplifier."""
    found = []
    for image in frame.images:
        cards: Mapping[str, object] = image.cards
        names = ["DETSEC"] if "DETSEC" in cards else [card for card in cards if _DETSEC.fullmatch(card)]
        found += [section for name in names if (section := parse_section(str(cards[name]))) is not None]
    return found


def _around(boxes: Sequence[Box]) -> Box:
    return Box(
        min(box.x_min for box in boxes), max(box.x_max for box in boxes),
        min(box.y_min for box in boxes), max(box.y_max for box in boxes),
    )  # fmt: skip
