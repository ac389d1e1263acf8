"""The ledger's records of a night that is over, in a file: one JSON object for each visit-detector."""

# ruff: noqa: ARG002 - what would change a night that is over takes arguments, and refuses

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Never

from adapters.common.history import history_to_json, read_or_fault
from adapters.common.opened import Opened
from domain.times import UtcSeconds
from domain.visit import Identity
from domain.work.attempts import AttemptRecord
from domain.work.history import WorkHistory
from domain.work.outcomes import Outcome
from ports.history_store import Change
from ports.ledger import LedgerRecordError, LedgerUnavailableError

__all__ = ["KeptHistories", "write_histories"]


def write_histories(histories: Iterable[WorkHistory], path: Path) -> None:
    """Write what `KeptHistories` reads."""
    with path.open("w", encoding="utf-8") as file:
        for history in histories:
            identity = history.identity
            line = {
                "instrument": identity.instrument,
                "group": identity.group,
                "detector": identity.detector,
                "history": json.loads(history_to_json(history)),
            }
            file.write(json.dumps(line, separators=(",", ":")) + "\n")


class KeptHistories(Opened):
    """`ports.history_store.HistoryStore` that only reads.

    Parameters
    ----------
    path
        Of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._histories: dict[Identity, WorkHistory | LedgerRecordError] = {}

    @property
    def instruments(self) -> Sequence[str]:
        """Whose work it is."""
        return sorted({identity.instrument for identity in self._histories})

    async def open(self) -> None:
        """Read the file.

        Raises
        ------
        ports.ledger.LedgerUnavailableError
            Raised if it cannot be read.
        """
        try:
            with self._path.open(encoding="utf-8") as file:
                for number, line in enumerate(file, start=1):
                    self._read(number, line)
        except (OSError, UnicodeDecodeError) as error:
            raise LedgerUnavailableError(f"{self._path}: {error}") from error

    def _read(self, number: int, line: str) -> None:
        try:
            entry = json.loads(line)
            identity = Identity(str(entry["instrument"]), str(entry["group"]), int(entry["detector"]))
            text = json.dumps(entry["history"])
        except (ValueError, LookupError, TypeError) as error:
            raise LedgerUnavailableError(f"{self._path} line {number}: no record, {error!r}") from error
        self._histories[identity] = read_or_fault(identity, text)

    async def close(self) -> None:
        """Forget what was read."""
        self._histories.clear()

    async def change[T](self, identity: Identity, change: Change[T]) -> T:
        """Refuse."""
        self._refuse()

    async def change_each(
        self,
        instrument: str,
        group: str,
        detectors: Collection[int],
        change: Callable[[WorkHistory, UtcSeconds], WorkHistory],
    ) -> Sequence[LedgerRecordError]:
        """Refuse."""
        self._refuse()

    async def history(self, identity: Identity) -> WorkHistory:
        """Give one history."""
        found = self._histories.get(identity, WorkHistory(identity))
        if isinstance(found, LedgerRecordError):
            raise found
        return found

    async def histories(
        self, instrument: str, since: UtcSeconds | None = None
    ) -> Sequence[WorkHistory | LedgerRecordError]:
        """List all histories of the visits on which something was recorded since then."""
        mine = {one: found for one, found in self._histories.items() if one.instrument == instrument}
        if since is None:
            return list(mine.values())
        recent = {
            identity.group
            for identity, found in mine.items()
            if isinstance(found, LedgerRecordError) or any(_last_stamp(one) >= since for one in found.records)
        }
        return [found for identity, found in mine.items() if identity.group in recent]

    async def put_unreadable(self, queue: str, entry: str, outcome: Outcome) -> None:
        """Refuse."""
        self._refuse()

    async def unreadable(self, queue: str) -> Mapping[str, Outcome]:
        """List nothing: such deliveries are not kept."""
        return {}

    async def take_turn(self, what: str, holder: str, seconds: float) -> bool:
        """Refuse."""
        self._refuse()

    async def forget(self) -> int:
        """Refuse."""
        self._refuse()

    async def check_durable(self) -> Sequence[str]:
        """Say nothing: what is in the file is on disk."""
        return []

    def _refuse(self) -> Never:
        raise LedgerUnavailableError(f"{self._path} is of a night that is over: nothing is recorded in it")


def _last_stamp(record: AttemptRecord) -> UtcSeconds:
    return record.ended or record.begun
