"""Choose the pipelines of a visit-detector from the configuration."""

from attrs import evolve, frozen

from domain.cameras.camera import Camera
from domain.pipelines import CoordType, Node, PipelinesConfig, pipeline_name
from domain.sky.pointing import VisitPointing
from domain.sky.position import sky_rotation
from domain.visit import RotationSystem, Visit, VisitDetector
from domain.work.about import AboutVisit

__all__ = ["ChosenPipelines", "PipelineChooser"]


@frozen(kw_only=True)
class ChosenPipelines:
    """Pipeline files in falling order of preference."""

    preprocessing: tuple[str, ...]
    main: tuple[str, ...]
    rule: str
    """Which node of the main configuration matched, and why."""

    def about(self, visit: Visit) -> AboutVisit:
        """Say in short what was announced, and what was chosen for it."""
        return evolve(
            AboutVisit.of(visit),
            pipelines=tuple(map(pipeline_name, self.main)),
            preprocessing=tuple(map(pipeline_name, self.preprocessing)),
            rule=self.rule,
        )


@frozen(kw_only=True)
class PipelineChooser:
    """Applies both configurations of a worker to a visit-detector."""

    camera: Camera
    preprocessing: PipelinesConfig
    main: PipelinesConfig

    def choose(self, work: VisitDetector) -> ChosenPipelines:
        """Find the pipelines for a visit-detector.

        Raises
        ------
        domain.pipelines.NoMatchingNodeError
            Raised if no node of one of the configurations matches.
        domain.sky.position.UnsupportedSystemError
            Raised if a node needs a position that the visit gives in a system
            that cannot be converted; or if there is something to be done, and
            the rotation is in a system by which no image can be checked.
        """
        pointing = VisitPointing(self.camera, work)
        survey = work.visit.survey
        before = self.preprocessing.choose(survey, pointing).node
        choice = self.main.choose(survey, pointing)
        node = choice.node
        if node.pipelines and work.visit.rotation_system is not RotationSystem.NONE:
            sky_rotation(work.visit)
        return ChosenPipelines(
            preprocessing=before.pipelines,
            main=node.pipelines,
            rule=f"{_which(choice.number, len(self.main.nodes))}: {node.condition}{_place(node, pointing)}",
        )


def _which(number: int, nodes: int) -> str:
    return "the only node" if nodes == 1 else f"node {number} of {nodes}"


def _place(node: Node, pointing: VisitPointing) -> str:
    """Say where the visit-detector is, if that was asked for."""
    boresight = node.coord_type is CoordType.BORESIGHT
    position = (
        (pointing.boresight() if boresight else pointing.detector_centre()) if node.needs_position else None
    )
    if position is None:
        return ""
    whose = "boresight" if boresight else "detector's centre"
    return f" ({whose} at ra {position[0]:.4f}, dec {position[1]:.4f})"
