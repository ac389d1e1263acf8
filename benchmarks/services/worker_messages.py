"""Workers' messages to the Butler Writer: a real one, and as many like it as are asked for."""

import asyncio
import itertools
import json
import re
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import evolve
from dependency_injector import providers

from adapters.common.visit_record import visit_from_record
from domain.cameras.camera import Camera
from domain.raws.raws import RawImage, parse_raw_key
from domain.runs import day_of_processing
from domain.times import TaiSeconds, UtcSeconds, tai_from_utc
from domain.visit import VisitDetector
from domain.work.outcomes import Export
from entrypoints.containers.child import ChildContainer
from entrypoints.settings.environment import read_settings
from entrypoints.settings.worker import ChildSettings
from initializer.container import InitializerContainer
from initializer.settings import InitializerSettings
from ports.ledger import Attempt
from ports.workspace import Assignment, LocalWorkspace
from simulator.summit.announcement import next_visit
from simulator.summit.demo import demo_plan
from simulator.summit.night import NightPlan
from workbench.night_repository import make_repository

__all__ = ["like", "real_message"]

_DETECTOR = 4
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class _Granted:
    """Claims that nobody else wants."""

    def claim(self, attempt: Attempt, exposures: Sequence[int]) -> None:
        """Grant it."""


def real_message(folder: Path, camera: Camera, camera_file: str) -> str:
    """Let a worker's workspace process the demo's first visit, and keep what it would tell the writer."""
    demo = demo_plan(camera, seed=1, now=UtcSeconds(time.time()))
    visit = evolve(demo.plan.visits[0], detectors=(_DETECTOR,))
    plan = evolve(demo.plan, visits=(visit,))
    make_repository(folder / "central", plan)
    environment = _environment(folder / "central", camera.instrument, camera_file)
    initializer = InitializerContainer(settings=read_settings(InitializerSettings, environment))
    asyncio.run(initializer.initializer().run(register=True))
    child = ChildContainer(settings=read_settings(ChildSettings, environment), folder=folder / "work")
    child.claims.override(providers.Object(_Granted()))
    workspace = child.workspace()
    try:
        return _processed(workspace, plan, child.main().files, folder)
    finally:
        workspace.close()


def _environment(central: Path, instrument: str, camera_file: str) -> dict[str, str]:
    pipeline = "${PROMPT_PROCESSING_DIR}/prompt_pipelines/pipelines/SingleFrame.yaml"
    unused = ("REDIS_STREAM_HOST", "REDIS_STREAM_NAME", "REDIS_STREAM_CONSUMER_GROUP")
    return {
        "RUBIN_INSTRUMENT": instrument,
        "CAMERA_FILE": camera_file,
        "CENTRAL_REPO": str(central),
        "SKYMAP": "none",
        "CONFIG_APDB": "none",
        "WORKER_TIMEOUT": "900",
        "PREPROCESSING_PIPELINES_CONFIG": '[{"pipelines": []}]',
        "MAIN_PIPELINES_CONFIG": json.dumps([{"pipelines": [pipeline]}]),
        "USE_KAFKA_BUTLER_WRITER": "1",
        "EXPORT_TYPE_REGEXP": '["(?!raw$).*"]',
        **dict.fromkeys(unused, "unused"),
    }


def _processed(workspace: LocalWorkspace, plan: NightPlan, pipelines: Sequence[str], folder: Path) -> str:
    """Do what a worker does, with the image at hand."""
    [planned] = plan.visits
    now = UtcSeconds(time.time())
    opened = tai_from_utc(now)
    record = next_visit(plan.camera.instrument, planned, number=1, start=opened, duration=20.0, now=now)
    work = VisitDetector(visit_from_record(record), _DETECTOR)
    assignment = Assignment(
        attempt=Attempt(work.identity, 1),
        work=work,
        day=day_of_processing(now),
        preprocessing=(),
        main=tuple(pipelines),
    )
    workspace.prepare(assignment)
    [raw] = plan.raws.take(planned, 0, opened, TaiSeconds(opened + planned.exposure_time))
    path = folder / "raw.fits"
    path.write_bytes(raw.body)
    key = parse_raw_key(plan.camera, raw.key)
    if key is None or key.exposure is None:
        raise RuntimeError(f"{raw.key} does not tell its exposure")
    image = RawImage(key=key, uri=path.as_uri(), exposure=key.exposure, group=planned.group, snap=0)
    processed = workspace.process([workspace.ingest(image).exposure])
    message = workspace.export(Export.EVERYTHING)
    if processed.failure or message is None:
        raise RuntimeError(f"the demo's visit cannot be processed: {processed.failure}")
    return message.decode()


def _spellings(group: str) -> Sequence[str]:
    """List how a group is written: as it is, and as folders and files are named after it."""
    folder = group.replace(":", "_")
    return [group, folder, folder.replace(".", "_")]


def like(message: str, camera: Camera) -> Iterator[str]:
    """Write the message anew for other visits, all detectors of one after the other."""
    records = json.loads(message)["dimension_records"]
    [exposure] = [one["record"] for one in records if one["definition"] == "exposure"]
    for number in itertools.count(2):
        seen = message
        for group in _spellings(exposure["group"]):
            seen = seen.replace(group, f"{group}#{number}" if ":" in group else f"{group}_{number}")
        seen = seen.replace(str(exposure["id"]), str(exposure["id"] - 1 + number))
        seen = seen.replace(exposure["obs_id"], f"{exposure['obs_id'][:-6]}{number:06d}")
        for detector in camera.detectors:
            other = re.sub(rf'"detector":{_DETECTOR}\b', f'"detector":{detector.number}', seen)
            other = other.replace(camera.detector(_DETECTOR).name, detector.name)
            yield _UUID.sub(lambda _: str(uuid.uuid4()), other)
