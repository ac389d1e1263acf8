"""Which pipelines visits would get."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from attrs import asdict

from application.which_pipelines import Decision, decisions
from application.worker.choose_pipelines import PipelineChooser
from domain.pipelines import pipeline_name
from domain.visit import Visit
from entrypoints.commands.tables import console, ranges, table
from entrypoints.containers.parts.deployment import (
    deployment_camera,
    main_pipelines,
    preprocessing_pipelines,
)
from entrypoints.containers.parts.visits import read_visits
from entrypoints.help import service_help
from entrypoints.running import settings_or_exit
from entrypoints.saying import say
from entrypoints.settings.pipelines import PipelinesSettings

__all__ = ["command"]

_SUMMARY = (
    "Say which pipelines each visit of FILES would get (nextVisit messages as JSON: one, a list, or one on"
    " each line; - is standard input), which node of the configuration decides, why those before it do not"
    " match, and which files are missing here. The exit code is 1 if a detector would get no answer."
)


@click.command(name="which-pipeline", help=service_help(_SUMMARY, PipelinesSettings))
@click.argument("files", nargs=-1, required=True, type=click.Path(allow_dash=True))
@click.option(
    "--detector", "asked", type=click.IntRange(min=0), multiple=True, help="These alone.  [default: all]"
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list, for machines.")
def command(*, files: Sequence[str], asked: Sequence[int], as_json: bool) -> None:
    """Decide as a worker would."""
    settings = settings_or_exit(PipelinesSettings)
    chooser = PipelineChooser(
        camera=deployment_camera(settings),
        preprocessing=preprocessing_pipelines(settings),
        main=main_pipelines(settings),
    )
    camera = chooser.camera
    detectors = [camera.detector(number).number for number in asked] or [
        one.number for one in camera.detectors
    ]
    visits = [visit for file in files for visit in read_visits(file)]
    decided = [(visit, list(decisions(visit, detectors, chooser))) for visit in visits]
    if as_json:
        say(json.dumps([_record(visit, some) for visit, some in decided], indent=2))
    else:
        for visit, some in decided:
            _show(visit, some)
    if any(one.fault for _, some in decided for one in some):
        raise SystemExit(1)


def _missing(decision: Decision) -> list[str]:
    """Find the pipelines' files that are not on this machine; others' places cannot be looked into."""
    files = [name.partition("#")[0] for name in decision.pipelines]
    return [name for name in files if "://" not in name and not Path(name).exists()]


def _record(visit: Visit, some: Sequence[Decision]) -> dict[str, Any]:
    found = [asdict(one) | {"missing": _missing(one)} for one in some]
    return {"instrument": visit.instrument, "group": visit.group, "survey": visit.survey, "decisions": found}


def _show(visit: Visit, some: Sequence[Decision]) -> None:
    rows = [
        (
            one.source.removesuffix("_PIPELINES_CONFIG").lower(),
            ranges(one.detectors),
            one.node or "none",
            ", ".join(map(pipeline_name, one.pipelines)) or ("" if one.fault else "none: ignored"),
            one.fault or one.condition,
        )
        for one in some
    ]
    columns = ("configuration", "detectors", "node", "pipelines", "because")
    console().print(table(f"{visit.instrument} {visit.group}, survey {visit.survey!r}", columns, rows))
    for one in some:
        for number, reason in enumerate(one.passed_over, start=1):
            say(f"{one.source}: not node {number} for detector {one.detectors[0]}: {reason}")
        for file in _missing(one):
            say(f"{one.source}: node {one.node}: no such file: {file}")
