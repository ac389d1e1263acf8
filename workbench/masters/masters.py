"""Master calibrations of a night, made from its frames as an observatory makes them."""

import logging
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from attrs import evolve

from simulator.errors import SimulatorError
from simulator.summit.night import NightPlan
from workbench.masters.detector_masters import Lacking, Master, masters_of

__all__ = ["make_masters", "without_lacking"]

_log = logging.getLogger(__name__)


def make_masters(plan: NightPlan) -> Iterator[Master | Lacking]:
    """Make the masters that a night needs, as far as there are frames for them."""
    # Threads help: most of it is in functions that let go of the interpreter.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for masters in pool.map(
            lambda detector: list(
                masters_of(plan.camera, plan.calibrations, detector, plan.filters_of(detector))
            ),
            plan.detectors,
        ):
            yield from masters


def without_lacking(plan: NightPlan, lacking: Sequence[Lacking]) -> NightPlan:
    """Leave out of a plan what cannot be calibrated, and name it in the log.

    Raises
    ------
    SimulatorError
        Raised if nothing is left; the text says why.
    """
    visits = []
    for visit in plan.visits:
        kept = []
        for detector in visit.detectors:
            reasons = [one.reason for one in lacking if one.concerns(visit, detector)]
            if reasons:
                _log.warning("%s, detector %d, left out: %s", visit.group, detector, "; ".join(reasons))
            else:
                kept.append(detector)
        if kept:
            visits.append(evolve(visit, detectors=tuple(kept)))
    if not visits:
        reasons = list(dict.fromkeys(one.reason for one in lacking))
        raise SimulatorError(f"nothing of the night can be calibrated: {'; '.join(reasons)}")
    return evolve(plan, visits=tuple(visits))
