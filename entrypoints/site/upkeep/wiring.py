"""The wiring of what a site does by itself."""

from functools import partial

from domain.runs import all_sky
from entrypoints.containers.site import SiteContainer
from entrypoints.site.display import Display
from entrypoints.site.upkeep.disk_watch import DiskWatch
from entrypoints.site.upkeep.idle_work import SiteUpkeep, UpkeepSettings
from entrypoints.site.upkeep.job_records import JobRecords
from entrypoints.site.upkeep.jobs import SiteJobs

__all__ = ["make_upkeep"]


def make_upkeep(site: SiteContainer, display: Display) -> SiteUpkeep:
    """Wire it; the display shows what is under way."""
    camera, folder, settings = site.camera(), site.folder(), site.settings()
    return SiteUpkeep(
        UpkeepSettings(
            instrument=camera.instrument,
            day_begins=camera.header.day_begins,
            idle_after=settings.upkeep_idle_s,
            kinds=frozenset(settings.upkeep),
            keep=(settings.keep_raws_days, settings.keep_images_days),
        ),
        journal=site.journal(),
        queue=site.upkeep(),
        clock=site.clock(),
        metrics=site.metrics(),
        jobs=SiteJobs(folder=folder, camera=camera, skymap=settings.skymap or all_sky(camera.instrument)),
        records=JobRecords(folder.jobs),
        disk=DiskWatch(folder, partial(setattr, display, "disk")),
        tell=partial(setattr, display, "job"),
    )
