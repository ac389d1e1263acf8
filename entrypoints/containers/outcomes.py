"""How the visit-detectors of a site ended, for those who look at its results."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from adapters.sqlite.store import SqliteStore
from domain.work.attempts import WorkHistory
from domain.work.outcomes import RULES, describe
from entrypoints.settings.site import SiteFolder

__all__ = ["SITE", "site_outcomes"]

SITE: Final = "site.yaml"
"""The file by which a site is known."""


def site_outcomes(folder: Path, instrument: str) -> Sequence[dict[str, Any]]:
    """List group, detector, outcome and its reason of all that has ended for good.

    Raises
    ------
    ports.ledger.LedgerUnavailableError
        Raised if they cannot be read.
    """
    store = SqliteStore(SiteFolder(folder.absolute()).ledger)
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
            "seconds": {},
        }
        for last in lasts
        if last is not None and last.final and last.outcome is not None
    ]
