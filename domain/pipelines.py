"""Which pipelines a visit-detector is for (docs/contracts/pipelines-configuration.md)."""

import enum
from collections import Counter
from pathlib import PurePosixPath
from typing import Protocol

from attrs import field, frozen

from domain.errors import PromptProcessingError

__all__ = [
    "CHANGE_TASKS",
    "NO_PIPELINE",
    "Choice",
    "CoordType",
    "DecRange",
    "InvalidPipelinesError",
    "NoMatchingNodeError",
    "Node",
    "PipelinesConfig",
    "Pointing",
    "RaRange",
    "SkyMask",
    "pipeline_name",
]

NO_PIPELINE = "NoPipeline"
"""Takes the place of a pipeline's name in the run of preload products (docs/contracts/collections.md)."""

CHANGE_TASKS = frozenset(
    {"lsst.ap.association.DiaPipelineTask", "prompt_pipelines.tasks.associate.AssociateTask"}
)
"""Tasks that make permanent changes, by full class name, unless CHANGE_TASKS names others."""


class InvalidPipelinesError(PromptProcessingError):
    """A pipelines configuration contradicts itself or the contract."""


class NoMatchingNodeError(PromptProcessingError):
    """No node of the configuration matches a visit.

    Parameters
    ----------
    text
        For people.
    passed_over
        Why each of the nodes does not match.
    """

    def __init__(self, text: str, passed_over: tuple[str, ...] = ()) -> None:
        super().__init__(text)
        self.passed_over = passed_over


class SkyMask(Protocol):
    """A part of the sky."""

    def contains(self, ra: float, dec: float) -> bool:
        """Say whether a position (degrees ICRS) lies in it; no if that is unknown."""
        ...


class Pointing(Protocol):
    """Where a visit-detector looks. Asked only if a node needs it, so that it can be found lazily.

    Both methods raise the project's own error if the visit announces a
    coordinate or rotation system that cannot be converted to the sky.
    """

    def boresight(self) -> tuple[float, float] | None:
        """Ra and dec of the boresight, degrees ICRS; None if no position was announced."""
        ...

    def detector_centre(self) -> tuple[float, float] | None:
        """Ra and dec of the detector's centre, degrees ICRS.

        None if no position or no rotation was announced.
        """
        ...


class CoordType(enum.Enum):
    """Which position the limits of a node are about."""

    DETECTOR = "detector"
    BORESIGHT = "boresight"


@frozen
class RaRange:
    """Right ascensions from `min` eastward to `max`, degrees, both included; may pass through 0.

    Each limit is any number, and stands for its meridian: two of the same
    meridian are the whole circle.
    """

    min: float
    max: float

    def __contains__(self, ra: float) -> bool:
        ra, first, last = ra % 360.0, self.min % 360.0, self.max % 360.0
        if first < last:
            return first <= ra <= last
        return ra >= first or ra <= last


@frozen
class DecRange:
    """Declinations from `min` to `max`, degrees, both included."""

    min: float
    max: float

    def __attrs_post_init__(self) -> None:
        if self.min > self.max:
            raise InvalidPipelinesError(f"min: {self.min!r} is above max, {self.max!r}")

    def __contains__(self, dec: float) -> bool:
        return self.min <= dec <= self.max


def pipeline_name(file: str) -> str:
    """Find a pipeline's name: its file's base name without extension, whatever subset follows ``#``."""
    return PurePosixPath(file.partition("#")[0]).stem


@frozen(kw_only=True)
class Node:
    """One rule of the configuration: which visits, and what for."""

    pipelines: tuple[str, ...]
    """Files in falling order of preference; none: ignore the visit."""
    survey: str | None = None
    """None: any."""
    ra: RaRange | None = None
    dec: DecRange | None = None
    binary_map: SkyMask | None = None
    coord_type: CoordType = CoordType.DETECTOR

    def __attrs_post_init__(self) -> None:
        for name, count in Counter(map(pipeline_name, self.pipelines)).items():
            if count > 1:
                raise InvalidPipelinesError(f"pipelines: {count} files have the base name {name!r}")
            if name in {"", NO_PIPELINE}:
                raise InvalidPipelinesError(f"pipelines: a file cannot have the base name {name!r}")

    @property
    def needs_position(self) -> bool:
        """Whether the node is about a part of the sky."""
        return not (self.ra is None and self.dec is None and self.binary_map is None)

    @property
    def condition(self) -> str:
        """Say which visits it is about, for people."""
        parts = [] if self.survey is None else [f"survey {self.survey!r}"]
        for name, limits in (("ra", self.ra), ("dec", self.dec)):
            if limits is not None:
                parts.append(f"{name} {limits.min:g} to {limits.max:g}")
        if self.binary_map is not None:
            parts.append("a map of the sky")
        return ", ".join(parts) or "any visit"

    def mismatch(self, survey: str, pointing: Pointing) -> str:
        """Say why a visit is none of those the node is about; blank if it is one.

        The position is asked for only if the survey fits.
        """
        if self.survey is not None and self.survey != survey:
            return f"the survey is {survey!r}, not {self.survey!r}"
        return self._mismatch_on_sky(pointing) if self.needs_position else ""

    def _mismatch_on_sky(self, pointing: Pointing) -> str:
        boresight = self.coord_type is CoordType.BORESIGHT
        position = pointing.boresight() if boresight else pointing.detector_centre()
        if position is None:
            return "no position was announced" if boresight else "no position was announced, or no rotation"
        ra, dec = position
        whose = "boresight" if boresight else "detector's centre"
        for name, value, limits in (("ra", ra, self.ra), ("dec", dec, self.dec)):
            if limits is not None and value not in limits:
                return f"{name} {value:.4f} of the {whose} is not within {limits.min:g} to {limits.max:g}"
        if self.binary_map is not None and not self.binary_map.contains(ra, dec):
            return f"the {whose} at ra {ra:.4f}, dec {dec:.4f} is not in the map of the sky"
        return ""


@frozen(kw_only=True)
class Choice:
    """The node that decides over a visit-detector."""

    number: int
    """From 1."""
    node: Node
    passed_over: tuple[str, ...]
    """Why each of the nodes before it does not match."""


@frozen(kw_only=True)
class PipelinesConfig:
    """The nodes in order; the first that matches decides."""

    nodes: tuple[Node, ...] = field()
    source: str
    """Where the configuration stands, for messages."""
    map_files: tuple[str, ...] = ()
    """Files of the nodes' sky masks."""

    def __attrs_post_init__(self) -> None:
        if not self.nodes:
            raise InvalidPipelinesError(f"{self.source}: has no node, so that no visit could match")

    @property
    def files(self) -> tuple[str, ...]:
        """All pipeline files, each once, in the order of their first mention."""
        return tuple(dict.fromkeys(file for node in self.nodes for file in node.pipelines))

    def choose(self, survey: str, pointing: Pointing) -> Choice:
        """Find the node that decides over a visit-detector: if it has no pipelines, that is to be ignored.

        Raises
        ------
        NoMatchingNodeError
            Raised if no node matches.
        """
        passed_over: list[str] = []
        for number, node in enumerate(self.nodes, start=1):
            reason = node.mismatch(survey, pointing)
            if not reason:
                return Choice(number=number, node=node, passed_over=tuple(passed_over))
            passed_over.append(reason)
        raise NoMatchingNodeError(
            f"no node of {self.source} matches a visit of survey {survey!r} there", tuple(passed_over)
        )
