"""Choose the pipelines of a visit-detector from the configuration."""

from attrs import frozen

from domain.cameras.camera import Camera
from domain.pipelines import PipelinesConfig
from domain.sky.pointing import VisitPointing
from domain.visit import VisitDetector

__all__ = ["ChosenPipelines", "PipelineChooser"]


@frozen(kw_only=True)
class ChosenPipelines:
    """Pipeline files in falling order of preference."""

    preprocessing: tuple[str, ...]
    main: tuple[str, ...]


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
            that cannot be converted.
        """
        pointing = VisitPointing(self.camera, work)
        survey = work.visit.survey
        return ChosenPipelines(
            preprocessing=self.preprocessing.choose(survey, pointing),
            main=self.main.choose(survey, pointing),
        )
