"""Processes that die in the middle of a step; forked, so that each begins with everything imported."""

import multiprocessing
import os
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from adapters.butler.workspace.settings import WorkspaceSettings
from domain.raws.raws import RawImage
from ports.workspace import Assignment
from tests.integration.butler.night import Bench, FileClaims, Night, make_workspace

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload([__name__])


def start(
    settings: WorkspaceSettings, night: Night, main: str, preprocessing: Sequence[str], claims: Path
) -> ForkServerProcess:
    """Start a process that works on a visit-detector, with claims in a folder and today's environment."""
    order = (settings, night.assignment(main=[main], preprocessing=preprocessing), night.raws, claims)
    process = _SERVER.Process(target=_work, args=(dict(os.environ), *order))
    process.start()
    return process


def _work(
    environment: Mapping[str, str],
    settings: WorkspaceSettings,
    assignment: Assignment,
    raws: Sequence[RawImage],
    claims: Path,
) -> None:
    os.environ.update(environment)
    workspace = make_workspace(Bench(settings=settings, claims=FileClaims(claims)))
    workspace.prepare(assignment)
    workspace.process([workspace.ingest(raw).exposure for raw in raws])
