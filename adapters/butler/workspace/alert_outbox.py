"""The outbox of alerts: files beside the outputs, of alerts that were not sent yet.

Tasks know nothing of workers: they are told by environment variables where to lay
alerts down, for which attempt, and how long to wait for the broker.
Each file is an Avro container with a record for each alert.
"""

import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import fastavro
from lsst.resources import ResourcePath

from adapters.butler.shared.central_repository import CentralRepositories
from adapters.butler.workspace.attempt import OpenAttempt, attempt_folder
from adapters.common.alert_outbox import FOLDER, owner_to_text
from ports.workspace import Assignment, WaitingAlerts

__all__ = ["AlertOutbox"]

_OUTBOX: Final = "AP_ALERT_OUTBOX"
_OWNER: Final = "AP_ALERT_OWNER"
_UNTIL: Final = "AP_ALERT_UNTIL"
_RESERVE: Final = 10.0
"""Seconds, of those until a step is ended, for what follows the alerts."""


class AlertOutbox:
    """A folder for each attempt, in the central datastore.

    Parameters
    ----------
    shared
        The central repositories.
    """

    def __init__(self, shared: CentralRepositories) -> None:
        self._shared = shared

    @contextmanager
    def offered(self, attempt: OpenAttempt, until: float | None) -> Iterator[None]:
        """Let tasks know of the attempt's folder.

        Parameters
        ----------
        attempt
            Whose tasks.
        until
            When they will be ended, on the monotonic clock; None: nobody will.

        Raises
        ------
        WorkspaceError
            Raised if the datastore is not there.
        """
        with self.reachable(attempt):
            pass
        assignment = attempt.assignment
        values = {_OUTBOX: self._folder(assignment).geturl(), _OWNER: owner_to_text(assignment.attempt)}
        if until is not None:
            values[_UNTIL] = str(until - _RESERVE)
        before = {name: os.environ.get(name) for name in values}
        os.environ.update(values)
        try:
            yield
        finally:
            _restore(before)

    @contextmanager
    def reachable(self, attempt: OpenAttempt) -> Iterator[None]:
        """Make sure that the datastore is there while something else is done, and can be written to after.

        Raises
        ------
        WorkspaceError
            Raised if it is not there.
        """
        with self._shared.output_root.kept_mounted(was_mounted=attempt.journal.mounted):
            yield
            # On a disk, tasks make no more than the attempt's own folder: they cannot tell an unmounted root.
            above = self._folder(attempt.assignment).parent()
            if above.isLocal:
                Path(above.ospath).mkdir(parents=True, exist_ok=True)

    def waiting(self, assignment: Assignment) -> WaitingAlerts | None:
        """Look for what the attempt's tasks left."""
        folder = self._folder(assignment)
        files = ResourcePath.findFileResources([folder], r"\.avro$")
        number, held = 0, set[str]()
        for file in files:
            reader = fastavro.reader(io.BytesIO(file.read()))
            number += sum(1 for _ in reader)
            held.add(str(reader.metadata.get("held", "")))
        if not number:
            return None
        reason = "" if "" in held else "; ".join(sorted(held))
        return WaitingAlerts(number=number, place=folder.geturl(), held=reason)

    def _folder(self, assignment: Assignment) -> ResourcePath:
        name = attempt_folder(Path(), assignment.attempt).name
        root = ResourcePath(self._shared.output_root.uri, forceDirectory=True)
        return root.join(f"{FOLDER}/{assignment.day}/{name}/", forceDirectory=True)


def _restore(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
