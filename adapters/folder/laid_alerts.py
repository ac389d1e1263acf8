"""Alerts that a process laid down before it stored what they tell of, and did not live to hand out."""

import contextlib
import logging
import sqlite3
import time
from pathlib import Path
from typing import Final

__all__ = ["hand_out_alerts"]

_LOG = logging.getLogger(__name__)

_LAID: Final = ".laid"
"""Of files ``.{visit}-{detector}.{name}.avro.laid``, which `prompt_pipelines.alert_files` writes."""
_NOBODYS: Final = 86_400.0
"""Seconds after which nobody is about to store what such a file tells of."""
_IS_STORED: Final = 'SELECT 1 FROM "DiaSource" WHERE visit = ? AND detector = ? LIMIT 1'


def hand_out_alerts(folder: Path, apdb: Path) -> None:
    """Hand out alerts of what is in the APDB; old ones of what is not are removed.

    Parameters
    ----------
    folder
        Of alerts, with a folder for each day.
    apdb
        The database, SQLite.
    """
    for laid in sorted(folder.glob(f"*/.*{_LAID}")):
        image, _, name = laid.name.removeprefix(".").removesuffix(_LAID).partition(".")
        try:
            visit, detector = map(int, image.split("-"))
            with contextlib.closing(sqlite3.connect(f"{apdb.as_uri()}?mode=ro", uri=True)) as connection:
                is_stored = connection.execute(_IS_STORED, (visit, detector)).fetchone() is not None
            if is_stored:
                laid.rename(laid.with_name(name))
                _LOG.warning(
                    "alerts of visit %d, detector %d were left behind by a process that was killed:"
                    " they are in %s now", visit, detector, laid.with_name(name),
                )  # fmt: skip
            elif time.time() - laid.stat().st_mtime > _NOBODYS:
                laid.unlink()
        except FileNotFoundError:
            continue  # Who laid them down lives, and hands them out.
        except (OSError, ValueError, sqlite3.Error) as error:
            _LOG.error("alerts in %s cannot be handed out: %s", laid, error)
