"""What a site has not processed is named, and put back with its dead letters."""

import asyncio
import importlib.resources
import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from adapters.sql.history_store import SqlHistoryStore
from adapters.sqlite.frame_journal import SqliteFrameJournal
from adapters.sqlite.work_publisher import SqliteWorkPublisher
from adapters.sqlite.work_queue import SqliteQueueUpkeep, SqliteWorkQueue
from application.ledger import StoredLedger
from domain.raws.frame_files import Ending, FrameFile, FrameRecord, TakenFrame
from domain.raws.header_visit import visit_of
from domain.times import TaiSeconds, UtcSeconds
from domain.work.outcomes import FailedBeforeChange
from entrypoints.cli import main
from entrypoints.running import opened
from entrypoints.settings.site import SiteFolder
from ports.work_queue import QueueDepth
from tests.contract_suites.samples import an_exposure

_CAMERA = "Lowell42"


def _record(number: int, detector: int, ending: Ending, kind: str) -> FrameRecord:
    exposure = an_exposure(
        number, detector=detector, instrument=_CAMERA, physical_filter="V", observation_type=kind
    )
    key = f"{_CAMERA}/{detector}/{exposure.group}/0/{exposure.exposure}/V/raw.fits"
    path = f"/in/{number}-{detector}.fits"
    return FrameRecord(
        file=FrameFile(path=path, size=1, modified_ns=number),
        ending=ending,
        frames=(TakenFrame(path=path, key=key, exposure=exposure),),
        noted=UtcSeconds(1.78e9),
    )


async def _let_fail(site: SiteFolder) -> None:
    """Let a site have a bias frame, and frames of two exposures, one of which failed as often as it may."""
    journal = SqliteFrameJournal(site.work)
    queue = SqliteWorkQueue(site.work, queue=_CAMERA, consumer="worker")
    publisher = SqliteWorkPublisher(site.work, instruments=[_CAMERA])
    histories = SqlHistoryStore(site.ledger)
    failed = _record(1, 0, Ending.TAKEN, "science")
    (frame,) = failed.frames
    visit = visit_of(frame.exposure, snaps=1, survey="", sent=TaiSeconds(1.8e9))
    async with opened(journal, queue, publisher, histories):
        await journal.note(_record(0, 0, Ending.CALIBRATION, "bias"))
        await journal.note(failed)
        # Its visit is forgotten, and nothing is recorded of it.
        await journal.note(_record(2, 1, Ending.TAKEN, "science"))
        await publisher.publish(visit, [0])
        lease = await queue.lease(0.0)
        assert lease is not None
        assert lease.work is not None
        ledger = StoredLedger(histories)
        begun = await ledger.begin(lease.work.identity, "worker", lease)
        await ledger.record(begun.attempt, FailedBeforeChange(reason="no memory"), final=True)
        await queue.set_aside(lease, "no memory")


async def _depth(site: SiteFolder) -> QueueDepth:
    upkeep = SqliteQueueUpkeep(site.work, queue=_CAMERA)
    async with opened(upkeep):
        return await upkeep.depth()


def _reconcile(folder: Path, *more: str) -> dict[tuple[str, int], tuple[str, str, bool]]:
    done = CliRunner().invoke(
        main, ["site", "reconcile", str(folder), "--night", "2026-03-13", "--json", *more]
    )
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return {
        (one["group"], one["detector"]): (one["images"][0]["why"], one["hindrance"], one["requeued"])
        for one in found["unprocessed"]
    }


def test_dead_letters_of_a_site_are_put_back(tmp_path: Path) -> None:
    site = SiteFolder(tmp_path)
    site.state.mkdir()
    site.settings.write_text("{}")
    site.camera.write_bytes((importlib.resources.files("cameras") / "lowell.yaml").read_bytes())
    asyncio.run(_let_fail(site))
    failed, lost = ("g1", 0), ("g2", 1)
    assert asyncio.run(_depth(site)) == QueueDepth(waiting=0, leased=0, dead=1)
    assert _reconcile(tmp_path) == {failed: ("failed", "", False), lost: ("lost", "", False)}
    assert _reconcile(tmp_path, "--requeue") == {failed: ("failed", "", True), lost: ("lost", "", True)}
    assert asyncio.run(_depth(site)) == QueueDepth(waiting=2, leased=0, dead=0)
    assert _reconcile(tmp_path) == {}
