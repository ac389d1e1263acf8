"""What became of a night that was taken into a site."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from domain.evidence import findings_of
from domain.raws.exposure import Exposure
from domain.raws.frame_files import Ending, FrameRecord
from domain.work.attempts import AttemptRecord
from domain.work.outcomes import RULES, Completed, describe
from entrypoints.commands.tables import console, table
from entrypoints.containers.results import dia_sources
from entrypoints.running import opened
from entrypoints.settings.site import SiteFolder
from entrypoints.site.nights.beside import status_container
from entrypoints.site.nights.taking_in import PastFiles
from ports.source_archive import SourceArchiveUnavailableError
from workbench.night.kept_night import DATABASE
from workbench.night.tracklets import finding_lines

__all__ = ["show_news", "summed_up"]

_FINE: Final = frozenset({Ending.TAKEN, Ending.CALIBRATION, Ending.COPY})
_SHOWN: Final = 20
_NEWS: Final = 10
_MJD_OF_EPOCH: Final = 40_587


def summed_up(site: SiteFolder, night: PastFiles) -> bool:
    """Say what became of the files, and what was found; returns whether anything was completed."""
    records = asyncio.run(_records(night))
    ended = [one for one in records if one.final and one.outcome is not None]
    completed = Counter(one.outcome.pipeline for one in ended if isinstance(one.outcome, Completed))
    others = [one for one in ended if not isinstance(one.outcome, Completed)]
    screen = console()
    screen.print(f"files: {_counts(Counter(one.ending.value for one in night.records.values())) or 'none'}")
    counts: Mapping[str, int] = {
        **{f"completed ({pipeline})": count for pipeline, count in completed.items()},
        **Counter(RULES[type(one.outcome)].name for one in others if one.outcome is not None),
        "without an outcome": len(night.identities) - len(ended),
    }
    screen.print(f"images: {_counts(counts) or 'none'}")
    _show_files([one for one in night.records.values() if one.ending not in _FINE])
    rows = [(str(one.attempt.identity), describe(one.outcome)) for one in others if one.outcome is not None]
    if rows:
        screen.print(table("Images not completed", ("image", "reason"), rows[:_SHOWN]))
    if len(rows) > _SHOWN:
        screen.print(f"and {len(rows) - _SHOWN} more")
    if completed:
        show_news(site, [frame.exposure for one in night.records.values() for frame in one.frames])
        screen.print(f"what was found: prompt-processing results {site.path}")
        screen.print(f"to compare later nights with it: prompt-processing templates build {site.central}")
    return bool(completed)


def show_news(site: SiteFolder, exposures: Sequence[Exposure]) -> None:
    """Say what is new in a night, whatever later ones have seen."""
    screen = console()
    begins, ends = [one.begin for one in exposures], [one.end for one in exposures]
    begin, end = (at / 86_400.0 + _MJD_OF_EPOCH for at in (min(begins), max(ends)))
    try:
        sources = dia_sources(site.apdb / DATABASE)
    except SourceArchiveUnavailableError as error:
        screen.print(f"what is new cannot be told: {error}")
        return
    found = findings_of([one for one in sources if one.mjd <= end], since=begin)
    if found:
        screen.print(f"what is new, the first {min(_NEWS, len(found))} of {len(found)}:")
    for line in finding_lines(found[:_NEWS]):
        screen.print(line, soft_wrap=True)


def _show_files(records: Sequence[FrameRecord]) -> None:
    screen = console()
    if records:
        rows = [(str(one.file), one.ending.value, one.reason) for one in records[:_SHOWN]]
        screen.print(table("Files not processed", ("file", "", "reason"), rows))
    if len(records) > _SHOWN:
        screen.print(f"and {len(records) - _SHOWN} more")


async def _records(night: PastFiles) -> Sequence[AttemptRecord]:
    """Read the last attempts on a night's images."""
    wanted = night.identities
    if not wanted:
        return []
    status = status_container()
    async with opened(status.histories()):
        latest = await status.ledger().latest(next(iter(wanted)).instrument)
    return sorted(
        (one for one in latest if one.attempt.identity in wanted), key=lambda one: str(one.attempt.identity)
    )


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()) if count)
