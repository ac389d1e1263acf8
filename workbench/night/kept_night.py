"""What is kept of a night beside its images: database, alerts, outcomes and logs, in one folder."""

import contextlib
import itertools
import json
import shutil
import sqlite3
import traceback
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from fastavro import parse_schema, reader, writer

__all__ = [
    "ALERTS",
    "CAMERA",
    "DATABASE",
    "LEDGER",
    "LOGS",
    "NIGHT",
    "is_kept",
    "keep_alerts",
    "keep_apdb",
    "keep_failure",
    "keep_logs",
    "keep_outcomes",
    "keep_truth",
    "read_alert_container",
    "read_kept_alerts",
    "read_kept_note",
    "read_kept_outcomes",
    "read_kept_truth",
    "remove",
]

NIGHT: Final = "night"
"""Folder within the repository of outputs."""

DATABASE: Final = "apdb.db"
"""File of the alert production database, within `NIGHT`."""

ALERTS: Final = "alerts.avro"
"""The alerts that were sent, within `NIGHT`."""

CAMERA: Final = "camera.yaml"
"""The camera's file, within `NIGHT`."""

LEDGER: Final = "ledger.jsonl"
"""The ledger's records, within `NIGHT`."""

LOGS: Final = "logs"
"""Folder of the logs of all processes, within `NIGHT`."""

_OUTCOMES: Final = "outcomes.json"
_TRUTH: Final = "truth.json"
_REASON: Final = "reason.txt"


def keep_apdb(folder: Path, results: Path) -> None:
    """Copy the alert production database from a folder."""
    with (
        contextlib.closing(sqlite3.connect(folder / DATABASE)) as database,
        contextlib.closing(sqlite3.connect(_night(results) / DATABASE)) as copy,
    ):
        database.backup(copy)


def keep_alerts(alerts: Iterable[Mapping[str, Any]], results: Path) -> None:
    """Write alerts as an Avro container, which holds their schema."""
    from lsst.alert.packet import Schema  # noqa: PLC0415 - a tenth of a second, and names are all most ask for

    with (_night(results) / ALERTS).open("wb") as file:
        writer(file, parse_schema(Schema.from_uri().definition), alerts, codec="deflate")


def read_kept_alerts(results: Path) -> list[dict[str, Any]]:
    """Read the alerts of a night; none if none are kept."""
    path = results / NIGHT / ALERTS
    return read_alert_container(path) if path.exists() else []


def read_alert_container(path: Path) -> list[dict[str, Any]]:
    """Read an Avro container of alerts.

    Raises
    ------
    OSError
        Raised if there is none.
    ValueError
        Raised if it is something else.
    """
    with path.open("rb") as file:
        return [alert for alert in reader(file) if isinstance(alert, dict)]


def keep_outcomes(
    instrument: str, outcomes: Sequence[Mapping[str, Any]], results: Path, note: str = ""
) -> None:
    """Write how each visit-detector ended, the seconds of its stages, and a note for whoever looks."""
    text = json.dumps({"instrument": instrument, "note": note, "outcomes": list(outcomes)}, indent=1)
    (_night(results) / _OUTCOMES).write_text(text, encoding="utf-8")


def read_kept_outcomes(results: Path) -> list[dict[str, Any]]:
    """Read how each visit-detector ended; nothing if that is not kept."""
    found: list[dict[str, Any]] = _kept_outcomes(results).get("outcomes", [])
    return found


def read_kept_note(results: Path) -> str:
    """Read what else whoever looks has to know; blank if nothing is kept."""
    return str(_kept_outcomes(results).get("note", ""))


def _kept_outcomes(results: Path) -> Mapping[str, Any]:
    path = results / NIGHT / _OUTCOMES
    if not path.exists():
        return {}
    found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def keep_truth(kinds: Mapping[int, str], results: Path) -> None:
    """Write what DiaSources of a simulated night truly are."""
    (_night(results) / _TRUTH).write_text(json.dumps(dict(kinds)), encoding="utf-8")


def read_kept_truth(results: Path) -> Mapping[int, str]:
    """Read what DiaSources truly are; nothing of a night that was not simulated."""
    path = results / NIGHT / _TRUTH
    if not path.exists():
        return {}
    return {int(number): str(kind) for number, kind in json.loads(path.read_text(encoding="utf-8")).items()}


def keep_logs(folder: Path, results: Path) -> None:
    """Copy the logs of the night's processes from a folder."""
    logs = _night(results) / LOGS
    logs.mkdir(exist_ok=True)
    for log in folder.glob("*.log"):
        shutil.copy2(log, logs)


def keep_failure(folder: Path, results: Path, error: BaseException) -> Path | None:
    """Keep the logs of a night that failed in a new folder beside that of its results, with the reason.

    Returns
    -------
    place
        None if there are no logs yet.
    """
    logs = sorted(folder.glob("*.log"))
    if not logs:
        return None
    names = (f"{results.name}-failed{'' if number == 1 else f'-{number}'}" for number in itertools.count(1))
    place = next(place for name in names if not (place := results.with_name(name)).exists())
    place.mkdir(parents=True)
    for log in logs:
        shutil.copy2(log, place)
    text = "".join(traceback.format_exception(error))
    (place / _REASON).write_text(f"{error}\n\n{text}", encoding="utf-8")
    return place


def is_kept(results: Path) -> bool:
    """Tell whether the images of a night are all in its results."""
    return (results / NIGHT / _OUTCOMES).exists()


def remove(folder: Path) -> None:
    """Remove a folder in which an abandoned thread may still write: it finds it gone at once."""
    away = folder.with_name(f"{folder.name}.removed")
    with contextlib.suppress(OSError):
        folder.rename(away)
    for one in (away, folder):
        shutil.rmtree(one, ignore_errors=True)


def _night(results: Path) -> Path:
    folder = results / NIGHT
    folder.mkdir(parents=True, exist_ok=True)
    return folder
