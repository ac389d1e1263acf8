"""Remove what a site keeps no longer."""

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

import click
from attrs import frozen

from domain.cameras.camera import Camera
from domain.raws.frame_files import FrameRecord
from domain.raws.raws import parse_raw_keys, sidecar_key
from domain.retention import RawRemoval, first_kept, removable_raws
from domain.times import day_obs_of
from domain.upkeep import TakenFrames, mastered_nights
from domain.visit import Identity
from domain.work.outcomes import Completed, Ignored
from entrypoints.containers.site import load_camera, make_journal
from entrypoints.containers.status import StatusContainer
from entrypoints.running import opened
from entrypoints.saying import say
from entrypoints.settings.environment import read_settings
from entrypoints.settings.site import SiteFolder, SiteSettings
from entrypoints.settings.status import StatusSettings
from entrypoints.site.environment import site_variables
from entrypoints.site.folder import open_site, site_argument
from entrypoints.site.upkeep.job_records import JobRecords
from workbench.night.old_images import forget_raws, remove_images
from workbench.repository import open_existing

__all__ = ["command"]

_GB = 1e9


@click.command(name="prune")
@site_argument
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")
def command(*, folder: Path, dry_run: bool, as_json: bool) -> None:
    """Remove raws and images of nights that are no longer kept.

    How long they are kept is said in DIR/site.yaml. A site that runs does this by
    itself. Raws that were not processed to the end, and bias, dark and flat frames
    without masters, stay however old they are.
    """
    site, settings = open_site(folder)
    pruned = _prune(site, settings, dry_run=dry_run)
    if as_json:
        say(json.dumps(pruned, indent=2))
        return
    done = "would be removed" if dry_run else "removed"
    for one in pruned["removed"]:
        what = f"{one['raws']} raws and {one['images']} images, {one['bytes'] / _GB:.2f} GB"
        say(f"{one['night']}: {what}, {done}")
    for one in pruned["kept"]:
        say(f"{one['night']}: {one['raws']} raws stay: {one['reason']}")
    if not pruned["removed"]:
        say("nothing to remove")


@frozen(kw_only=True)
class _Known:
    """What journal and ledger say."""

    tonight: int
    frames: tuple[FrameRecord, ...]
    processed: frozenset[Identity]


def _prune(site: SiteFolder, settings: SiteSettings, *, dry_run: bool) -> dict[str, Any]:
    camera = load_camera(site.camera)
    known = asyncio.run(_look(site, settings, camera))
    counts: dict[int, dict[str, int]] = {}
    removal = _old_raws(site, known, first_kept(known.tonight, settings.keep_raws_days))
    for night, keys in removal.keys.items():
        raws, size = _remove_raws(site, camera, keys, dry_run=dry_run)
        if raws:
            counts[night] = {"raws": raws, "images": 0, "bytes": size}
    if counts and not dry_run:
        with open_existing(str(site.central), writeable=True) as butler:
            forget_raws(butler, camera.instrument)
    before = first_kept(known.tonight, settings.keep_images_days)
    if before is not None:
        with open_existing(str(site.central), writeable=not dry_run) as butler:
            images = remove_images(butler, camera.instrument, before, dry_run=dry_run)
        for night, removed in images.items():
            of_night = counts.setdefault(night, {"raws": 0, "images": 0, "bytes": 0})
            of_night["images"] += removed.images
            of_night["bytes"] += removed.bytes
    return {
        "removed": [{"night": night, **count} for night, count in sorted(counts.items())],
        "kept": [
            {"night": night, "reason": reason, "raws": number}
            for (night, reason), number in sorted(removal.kept.items())
        ],
    }


async def _look(site: SiteFolder, settings: SiteSettings, camera: Camera) -> _Known:
    asked = read_settings(StatusSettings, site_variables(site, settings, camera))
    container, journal = StatusContainer(settings=asked), make_journal(site)
    async with opened(container.queue(), container.histories(), journal):
        latest = await container.ledger().latest(asked.instrument)
        waiting = set(await container.queue().unfinished())
        frames = tuple(await journal.records())
    processed = {
        record.attempt.identity
        for record in latest
        if record.final and isinstance(record.outcome, Completed | Ignored)
    }
    tonight = day_obs_of(container.clock().utc(), camera.header.day_begins)
    return _Known(tonight=int(f"{tonight:%Y%m%d}"), frames=frames, processed=frozenset(processed - waiting))


def _old_raws(site: SiteFolder, known: _Known, before: int | None) -> RawRemoval:
    if before is None:
        return RawRemoval(keys={}, kept={})
    there = [
        record for record in known.frames if any((site.raws / one.key).exists() for one in record.frames)
    ]
    frames = TakenFrames().with_records(known.frames)
    mastered = mastered_nights(frames, JobRecords(site.jobs).read())
    return removable_raws(there, before=before, processed=known.processed, mastered=mastered)


def _remove_raws(
    site: SiteFolder, camera: Camera, keys: tuple[str, ...], *, dry_run: bool
) -> tuple[int, int]:
    """Remove raws of one night; how many there were, and their bytes."""
    raws = size = 0
    for key in keys:
        path = site.raws / key
        with contextlib.suppress(FileNotFoundError):
            size += path.stat().st_size
            raws += 1
            if not dry_run:
                path.unlink()
                sidecar = sidecar_key(parse_raw_keys(camera, key)[0])
                if sidecar is not None:
                    (site.raws / sidecar).unlink(missing_ok=True)
    return raws, size
