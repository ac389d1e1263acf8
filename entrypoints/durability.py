"""A word at the start about a ledger that would not survive a crash (semantics 11)."""

import logging

from ports.ledger import Ledger

__all__ = ["warn_if_not_durable"]

_LOG = logging.getLogger(__name__)


async def warn_if_not_durable(ledger: Ledger) -> None:
    """Log, a line each, what keeps the ledger from outliving a crash.

    Raises
    ------
    ports.ledger.LedgerUnavailableError
        Raised if the ledger cannot be reached.
    """
    for fault in await ledger.check_durable():
        _LOG.warning("the ledger may not be durable: %s", fault)
