"""How a site stands: frames, queue, outcomes of the night, processes, disk."""

import asyncio
import json
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click
from attrs import frozen
from rich.console import Console

from application.night_status import InstrumentStatus, night_status
from domain.raws.frame_files import Ending, FrameRecord
from domain.times import begin_of_day_obs, day_obs_of, utc_isoformat
from domain.upkeep import JobEnding, JobRecord
from entrypoints.commands.status import night_record, show_night
from entrypoints.commands.tables import console, table
from entrypoints.containers.site import load_camera, make_journal, processes_of_site
from entrypoints.containers.status import StatusContainer
from entrypoints.running import opened
from entrypoints.saying import say
from entrypoints.settings.environment import read_settings
from entrypoints.settings.site import SiteFolder, SiteSettings
from entrypoints.settings.status import StatusSettings
from entrypoints.site import lock
from entrypoints.site.environment import site_variables
from entrypoints.site.folder import open_site, site_argument
from entrypoints.site.upkeep.disk_watch import disk_forecast, disk_said
from entrypoints.site.upkeep.job_records import JobRecords, as_json

__all__ = ["command"]

_NOT_PROCESSED: Final = frozenset(Ending) - {Ending.TAKEN, Ending.CALIBRATION, Ending.COPY}
_SHOWN: Final = 20
"""Files that were not processed, newest first."""
_GB: Final = 1e9
_MB: Final = 1e6


@frozen(kw_only=True)
class _Status:
    site: SiteFolder
    holder: lock.Holder | None
    away: tuple[Path, ...]
    """Watched folders that are not there."""
    frames: Sequence[FrameRecord]
    """Of this night."""
    night: InstrumentStatus
    jobs: Sequence[JobRecord]
    """What the site did by itself: of this night, and earlier what was not done."""

    @property
    def counts(self) -> Mapping[str, int]:
        return Counter(record.ending.value for record in self.frames)

    @property
    def left(self) -> Sequence[FrameRecord]:
        """Files that nobody processes, newest first."""
        return [record for record in reversed(self.frames) if record.ending in _NOT_PROCESSED]

    @property
    def processes(self) -> Sequence[Mapping[str, Any]]:
        if self.holder is None:
            return []
        return [
            {"pid": one.pid, "mb": round(one.memory / _MB), "what": what}
            for what, one in processes_of_site(self.holder.pid)
        ]

    @property
    def disk(self) -> Mapping[str, float | bool]:
        usage, expected = shutil.disk_usage(self.site.path), disk_forecast(self.site)
        return {
            "free_gb": round(usage.free / _GB, 1),
            "total_gb": round(usage.total / _GB, 1),
            "night_gb": round(expected.night / _GB, 1),
            "full_soon": expected.is_full_soon,
        }


@click.command(name="status")
@site_argument
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")
def command(*, folder: Path, as_json: bool) -> None:
    """Say how the site in DIR stands, whether it runs or not.

    Files by what became of them and outcomes are those of the night that goes
    on, from noon to noon.
    """
    status = asyncio.run(_status(*open_site(folder)))
    if as_json:
        say(json.dumps(_record(status), indent=2))
    else:
        _show(status, console())


async def _status(site: SiteFolder, settings: SiteSettings) -> _Status:
    variables = site_variables(site, settings, load_camera(site.camera))
    asked = read_settings(StatusSettings, variables)
    container = StatusContainer(settings=asked)
    journal = make_journal(site)
    async with opened(container.queue(), container.histories(), journal):
        night = await night_status(
            asked.instrument,
            asked.stream,
            ledger=container.ledger(),
            queue=container.queue(),
            clock=container.clock(),
        )
        begin = begin_of_day_obs(day_obs_of(night.at))
        frames = await journal.records(begin)
    return _Status(
        site=site,
        holder=lock.find_holder(site),
        away=tuple(folder for folder in site.watched(settings) if not folder.is_dir()),
        frames=frames,
        night=night,
        jobs=[
            record
            for record in JobRecords(site.jobs).read()
            if record.ended >= begin or record.ending is not JobEnding.DONE
        ],
    )


def _show(status: _Status, screen: Console) -> None:
    screen.print(f"{status.site.path}: run by {status.holder or 'nobody'}")
    for folder in status.away:
        screen.print(f"watched folder {folder} is not there")
    counts = ", ".join(f"{count} {name}" for name, count in sorted(status.counts.items()))
    screen.print(f"files: {counts or 'none'}")
    show_night(status.night, screen)
    left = [(record.file.path, record.ending.value, record.reason) for record in status.left]
    if left:
        screen.print(table("Files not processed", ("file", "", "reason"), left[:_SHOWN]))
        if len(left) > _SHOWN:
            screen.print(f"and {len(left) - _SHOWN} more; --json lists them all")
    if status.jobs:
        jobs = [
            (one.job.kind.value, one.job.night, one.ending.value, one.said) for one in status.jobs[-_SHOWN:]
        ]
        screen.print(table("Made by itself", ("what", "night", "", "what came of it"), jobs))
    if status.processes:
        rows = [(one["pid"], one["what"], one["mb"]) for one in status.processes]
        screen.print(table("Processes", ("pid", "of", "MB"), rows))
    screen.print(f"disk: {status.disk['free_gb']:g} GB free of {status.disk['total_gb']:g} GB")
    if said := disk_said(disk_forecast(status.site)):
        screen.print(f"disk: {said}")


def _record(status: _Status) -> dict[str, Any]:
    holder = status.holder
    return {
        "folder": str(status.site.path),
        "run_by": None if holder is None else {"pid": holder.pid, "since": utc_isoformat(holder.since)},
        "watched_folders_away": [str(folder) for folder in status.away],
        "frames": dict(status.counts),
        "not_processed": [
            {"file": one.file.path, "ending": one.ending.value, "reason": one.reason} for one in status.left
        ],
        **night_record(status.night),
        "jobs": [as_json(one) for one in status.jobs],
        "processes": list(status.processes),
        "disk": dict(status.disk),
    }
