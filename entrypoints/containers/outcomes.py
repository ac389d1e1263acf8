"""What is recorded of a site's nights, or of one that `demo` or `replay` has kept."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from adapters.files.cameras import load_camera
from adapters.files.kept_ledger import KeptHistories
from adapters.files.log_archive import FolderLogArchive
from adapters.sql.history_store import SqlHistoryStore
from adapters.sql.store import SqlStore
from application.ledger import StoredLedger
from domain.errors import PromptProcessingError
from domain.work.history import WorkHistory
from domain.work.outcomes import RULES, describe
from entrypoints.settings.site import SiteFolder
from ports.ledger import Ledger
from ports.night_board import LogArchive
from workbench.night.kept_night import LEDGER, LOGS, NIGHT

__all__ = ["SITE", "KeptRecords", "NoRecordsError", "opened_records", "site_outcomes"]

SITE: Final = "site.yaml"
"""The file by which a site is known."""


class NoRecordsError(PromptProcessingError):
    """A folder is neither a site nor the results of a night."""


@frozen(kw_only=True)
class KeptRecords:
    """What is recorded of an instrument's work, to be read."""

    instrument: str
    ledger: Ledger
    logs: LogArchive


@contextlib.asynccontextmanager
async def opened_records(folder: Path) -> AsyncIterator[KeptRecords]:
    """Open what is recorded in the folder of a site, or in the results of a night.

    Raises
    ------
    PromptProcessingError
        Raised if nothing is, or it cannot be read.
    """
    site, kept = _site(folder), folder / NIGHT / LEDGER
    if site.settings.exists():
        instrument = load_camera(str(site.camera)).instrument
        async with SqlHistoryStore(site.ledger) as store:
            logs = FolderLogArchive(site.logs)
            yield KeptRecords(instrument=instrument, ledger=StoredLedger(store), logs=logs)
    elif kept.exists():
        async with KeptHistories(kept) as histories:
            if not histories.instruments:
                raise NoRecordsError(f"{kept}: no work was recorded in that night")
            logs = FolderLogArchive(folder / NIGHT / LOGS)
            instrument = histories.instruments[0]
            yield KeptRecords(instrument=instrument, ledger=StoredLedger(histories), logs=logs)
    else:
        raise NoRecordsError(
            f"{folder}: neither a site ({SITE}) nor results with a ledger ({NIGHT}/{LEDGER}),"
            " which `demo` and `replay` keep"
        )


def _site(folder: Path) -> SiteFolder:
    return SiteFolder(folder.absolute())


def site_outcomes(folder: Path, instrument: str) -> Sequence[dict[str, Any]]:
    """List group, detector, outcome, its reason and promptness of all that has ended for good.

    Raises
    ------
    ports.ledger.LedgerUnavailableError
        Raised if they cannot be read.
    """
    store = SqlStore(_site(folder).ledger)
    store.open()
    try:
        histories = store.histories(instrument, None)
    finally:
        store.close()
    lasts = [one.last for one in histories if isinstance(one, WorkHistory)]
    return [
        {
            "group": last.attempt.identity.group,
            "detector": last.attempt.identity.detector,
            "outcome": RULES[type(last.outcome)].name,
            "detail": describe(last.outcome),
            "promptness": "" if last.promptness is None else last.promptness.value,
            "held": last.held,
            "seconds": dict(last.seconds),
        }
        for last in lasts
        if last is not None and last.final and last.outcome is not None
    ]
