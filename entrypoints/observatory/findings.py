"""What the night has found: sources of difference images, and the alerts about them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import Table
from attrs import frozen

from domain.evidence import tonight
from domain.results.objects import summed_up
from domain.results.sources import DiaSource
from entrypoints.containers.observatory import Results, read_planes
from entrypoints.containers.results import dia_sources
from entrypoints.observatory.environment import Addresses, Topics
from workbench.night.alerts import read_alerts
from workbench.night.apdb import object_table, source_table
from workbench.night.cutout_page import cut, write_page
from workbench.night.kept_night import DATABASE, keep_alerts, keep_apdb, keep_truth
from workbench.night.recovery import measure_recovery
from workbench.night.tracklets import finding_lines
from workbench.night.true_kinds import true_kinds

__all__ = ["Examination", "examine"]

_LIMIT = 10.0
"""Signal to noise from which an injected change should be found: the detection limit is 5.5 on a template
with noise, and the truth knows of none."""

_OFTEN = 4
"""Sightings that make an object worth a line."""

_NEWS = 10
"""Most that are told of what is new."""

_ON_PAGE = 40
"""Most objects on the page of cutouts."""

_IMAGES = ("preliminary_visit_image", "template_detector", "difference_image")


@frozen(kw_only=True)
class Examination:
    """What is asked of a night's outputs; nothing if no image was differenced."""

    truth: Callable[[], Table] | None = None
    """What is in the raws; None: nobody knows, so objects are listed and shown."""


def examine(asked: Examination, at: Addresses, results: Results, target: Path, chain: str) -> tuple[str, ...]:
    """Read the APDB and the alerts; keep both, tables and cutouts beside the outputs.

    Parameters
    ----------
    asked
        What is wanted.
    at
        Where the night's servers are.
    results
        What is in the central repository.
    target
        The repository that outlives the night; gets ``dia_sources.ecsv``.
    chain
        Of its outputs.

    Returns
    -------
    lines
        For the summary.

    Raises
    ------
    SimulatorError
        Raised if alerts cannot be read back.
    """
    if not results.differenced:
        return ("no image was differenced: no DiaSources, no alerts",)
    found = dia_sources(at.folder / DATABASE)
    sources = source_table(found)
    sources.rename_column("dia_source", "id")
    sources.write(target / "dia_sources.ecsv")
    keep_apdb(at.folder, target)
    alerts = read_alerts(at.kafka, at.registry, Topics().alerts)
    keep_alerts(alerts, target)
    truth = None if asked.truth is None else asked.truth()
    kinds = {} if truth is None else true_kinds(truth, sources)
    lines = [_alerts(alerts, sources), *_new(found, kinds)]
    if truth is not None:
        keep_truth(kinds, target)
        return (*lines, *_recovered(truth, sources, results))
    lines += _by_visit(sources, results)
    objects = object_table(one for one in summed_up(found) if one.sightings >= _OFTEN)
    objects.write(target / "dia_objects.ecsv")
    lines.append(f"objects seen at least {_OFTEN} times: {len(objects)}")
    lines += [
        f"  {row['object']}: ra {row['ra']:.5f} dec {row['dec']:+.5f}, {row['sightings']} times,"
        f" change from {row['faintest']:.0f} to {row['brightest']:.0f} nJy"
        for row in objects
    ]
    if len(objects):
        _show(objects[:_ON_PAGE], sources, target, chain)
        lines.append(
            f"{target}/cutouts.png shows science, template and difference of"
            f" {min(len(objects), _ON_PAGE)} of them in this order, four to a row, each at its strongest"
        )
    return tuple(lines)


def _new(sources: Sequence[DiaSource], kinds: Mapping[int, str]) -> list[str]:
    """Say what is new, the most telling first."""
    found = tonight(sources)
    if not found:
        return []
    bodies = [f"{one.body} seen {len(one.sightings)} times" for one in found if one.body]
    named = [f"known bodies: {', '.join(bodies)}"] if bodies else []
    return [f"what is new, the first {_NEWS} of {len(found)}:", *finding_lines(found[:_NEWS], kinds), *named]


def _alerts(alerts: Sequence[Mapping[str, Any]], sources: Table) -> str:
    known = set(sources["id"].tolist())
    strays = sum(alert["diaSourceId"] not in known for alert in alerts)
    text = f"alerts sent: {len(alerts)}, read back from Kafka, for {len(known)} DiaSources in the APDB"
    if len(alerts) < len(known):
        text += " (the mock cluster forgets what is beyond 5 MB a partition)"
    return text + (f"; {strays} of them for no DiaSource" if strays else "")


def _recovered(truth: Table, sources: Table, results: Results) -> list[str]:
    found = measure_recovery(truth, sources, set(results.differenced), limit=_LIMIT)
    return [
        f"injected sources recovered: {found.recovered} of {found.injected}"
        f" whose change has a signal to noise of {found.limit:g} or more",
        f"false detections per detector: {found.false_per_image:.2f}"
        f" ({found.false} on {found.images} difference images)",
    ]


def _by_visit(sources: Table, results: Results) -> list[str]:
    visits = np.asarray(sources["visit"])
    detectors = np.asarray(sources["detector"])
    lines = [f"DiaSources: {len(sources)} on {len(results.differenced)} difference images"]
    for visit in sorted({visit for visit, _ in results.differenced}):
        counts = [
            f"{np.count_nonzero((visits == visit) & (detectors == detector))} on detector {detector}"
            for of, detector in sorted(results.differenced)
            if of == visit
        ]
        lines.append(f"  visit {visit}: {', '.join(counts)}")
    return lines


def _show(objects: Table, sources: Table, target: Path, chain: str) -> None:
    rows = {int(row["id"]): row for row in sources}
    strongest = [rows[int(number)] for number in objects["strongest"]]
    planes = read_planes(
        target, chain, _IMAGES, [(int(row["visit"]), int(row["detector"])) for row in strongest]
    )
    pages = [
        [cut(plane, float(row["x"]), float(row["y"])) for plane in found]
        for row, found in zip(strongest, planes, strict=True)
    ]
    write_page(target / "cutouts.png", pages)
