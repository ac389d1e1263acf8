from collections.abc import Sequence

from domain.times import UtcSeconds
from domain.work.attempts import AttemptRecord
from ports.ledger import Ledger


async def final_records(
    ledger: Ledger, instrument: str, since: UtcSeconds | None = None
) -> Sequence[AttemptRecord]:
    """Find the final records of an instrument."""
    return [record for record in await ledger.latest(instrument, since) if record.final]
