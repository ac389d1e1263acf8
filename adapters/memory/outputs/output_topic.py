"""The topic between workers and the Butler Writer, kept in memory."""

import asyncio
import itertools
from collections.abc import Sequence
from uuid import UUID

from ports.central_registry import OutputEvent

__all__ = ["MemoryOutputTopic"]


class MemoryOutputTopic:
    """Messages, the outbox beside them, and what the writer made of them.

    `outage` is for tests: while it is not blank, the broker cannot be reached
    for that reason; `outbox_outage` does the same to the outbox.
    """

    def __init__(self) -> None:
        self.outage = ""
        self.outbox_outage = ""
        self.messages: list[bytes] = []
        self.outbox: dict[str, bytes] = {}
        self.outbox_names = (f"{number}.json" for number in itertools.count())
        """Never one twice, as the real outbox has it: the writer may have deleted any of them."""
        self.committed = 0
        """Messages that will not be delivered again."""
        self.batches: list[Sequence[UUID]] = []
        """Batches announced."""
        self.dead_letters: list[tuple[OutputEvent, str]] = []
        """Messages set aside, with their reasons."""
        self.changed = asyncio.Event()
        """Set when something was put in."""
