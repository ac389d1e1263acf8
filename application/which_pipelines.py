"""Which pipelines a visit's detectors would get, and why no others."""

from collections.abc import Iterable, Iterator

from attrs import frozen

from application.worker.choose_pipelines import PipelineChooser
from domain.errors import PromptProcessingError
from domain.pipelines import NoMatchingNodeError, PipelinesConfig
from domain.sky.pointing import VisitPointing
from domain.visit import Visit, VisitDetector

__all__ = ["Decision", "decisions"]


@frozen(kw_only=True)
class Decision:
    """What a configuration says of some detectors of a visit."""

    source: str
    """The configuration."""
    detectors: tuple[int, ...]
    node: int = 0
    """From 1; 0 if none matches, or the visit cannot be placed on the sky."""
    condition: str = ""
    """Which visits the node is about."""
    pipelines: tuple[str, ...] = ()
    """Files in falling order of preference; none: the detectors are ignored."""
    passed_over: tuple[str, ...] = ()
    """Why each node before it does not match, or all of them; of the first of the detectors."""
    fault: str = ""
    """Why there is no node."""


def decisions(visit: Visit, detectors: Iterable[int], chooser: PipelineChooser) -> Iterator[Decision]:
    """Tell for each configuration what becomes of the detectors, those of one node together."""
    numbers = tuple(detectors)
    for config in (chooser.preprocessing, chooser.main):
        together: dict[tuple[int, str], list[Decision]] = {}
        for detector in numbers:
            one = _decide(config, VisitDetector(visit, detector), chooser)
            together.setdefault((one.node, one.fault), []).append(one)
        for alike in together.values():
            first = alike[0]
            yield Decision(
                source=first.source,
                detectors=tuple(each.detectors[0] for each in alike),
                node=first.node,
                condition=first.condition,
                pipelines=first.pipelines,
                passed_over=first.passed_over,
                fault=first.fault,
            )


def _decide(config: PipelinesConfig, work: VisitDetector, chooser: PipelineChooser) -> Decision:
    alone = (work.detector,)
    try:
        choice = config.choose(work.visit.survey, VisitPointing(chooser.camera, work))
    except NoMatchingNodeError as error:
        return Decision(
            source=config.source, detectors=alone, passed_over=error.passed_over, fault="no node matches"
        )
    except PromptProcessingError as error:
        return Decision(source=config.source, detectors=alone, fault=str(error))
    return Decision(
        source=config.source,
        detectors=alone,
        node=choice.number,
        condition=choice.node.condition,
        pipelines=choice.node.pipelines,
        passed_over=choice.passed_over,
    )
