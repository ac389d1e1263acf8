"""How far a queue has come, by which it is found out that its store has lost something."""

import enum

from attrs import frozen

__all__ = ["Loss", "QueueStanding", "loss_between"]


class Loss(enum.Enum):
    """What became of a queue; the value is the label by which it is counted."""

    OLDER = "came back older"
    """With all that its server keeps, or empty."""
    MADE_ANEW = "made anew"
    ENTRIES = "entries removed"

    @property
    def ends_leases(self) -> bool:
        """Whether leases from before are none any more, or may be leased a second time."""
        return self is not Loss.ENTRIES


@frozen(kw_only=True)
class QueueStanding:
    """What grows in a queue as long as it is the same one."""

    incarnation: int
    """0 while it has no consumer group."""
    last_entry: tuple[int, int]
    steps: int
    """Visits published and looks taken, ever: a store that came back older has fewer."""
    gap: str = ""
    """Tells apart removals of entries that nobody had leased; blank while none is known."""

    def __str__(self) -> str:
        entry = "-".join(map(str, self.last_entry))
        return f"incarnation {self.incarnation}, last entry {entry}, step {self.steps}"

    @property
    def order(self) -> tuple[int, int, tuple[int, int]]:
        """By which the later of two is found."""
        return self.incarnation, self.steps, self.last_entry


def loss_between(before: QueueStanding, now: QueueStanding) -> Loss | None:
    """Say what was lost since a standing was noted; None if nothing was."""
    if now.steps < before.steps:
        return Loss.OLDER
    is_another = before.incarnation not in {0, now.incarnation}
    if is_another or now.last_entry < before.last_entry:
        return Loss.MADE_ANEW
    return Loss.ENTRIES if now.gap not in {"", before.gap} else None
