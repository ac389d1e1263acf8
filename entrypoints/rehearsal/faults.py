"""What is broken during a rehearsal, and when; named as by ``make chaos-thousand``."""

from typing import Any, Final

from attrs import field, fields, frozen

from entrypoints.rehearsal.errors import RehearsalError

__all__ = ["AWAY", "KILLS", "KINDS", "Fault", "parse_faults"]

AWAY: Final = {
    "queue away": "queue",
    "ledger away": "histories",
    "announcements away": "announcements",
    "bucket away": "images",
    "datastore away": "repository",
    "writer's topic away": "topic",
}
"""Part of the night that cannot be reached meanwhile."""

KILLS: Final = ("kill worker", "kill fan-out", "kill indexer", "kill writer")
"""A process is killed; of services another begins after `Fault.length`, of workers as the pool has it."""

KINDS: Final = (*AWAY, *KILLS)


@frozen(kw_only=True)
class Fault:
    """One thing that is broken for a while."""

    kind: str = field()
    begin: float = field()
    """Seconds since the night began."""
    length: float = field(default=0.0)
    """Seconds."""
    number: int = field(default=1)
    """Workers that are killed at once."""

    @kind.validator
    def _check_kind(self, _: object, kind: str) -> None:
        if kind not in KINDS:
            raise RehearsalError(f"unknown kind {kind!r:.40}; there are {', '.join(KINDS)}")

    @begin.validator
    @length.validator
    @number.validator
    def _check(self, attribute: Any, value: object) -> None:  # noqa: ANN401 - an attribute of attrs
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 86_400:
            raise RehearsalError(f"{attribute.name}: {value!r:.40} is no number between 0 and a day")

    @property
    def end(self) -> float:
        """When it is over, seconds since the night began."""
        return self.begin + self.length


def parse_faults(written: object, source: str) -> tuple[Fault, ...]:
    """Read a file's list of mappings with ``kind``, ``begin``, ``length`` and ``number``.

    Raises
    ------
    RehearsalError
        Raised if it is none; the message names the fault.
    """
    if not isinstance(written, list):
        raise RehearsalError(f"{source}: no list of faults")
    found = []
    known = {one.name for one in fields(Fault)}
    for number, each in enumerate(written, start=1):
        try:
            if not isinstance(each, dict) or not {"kind", "begin"} <= each.keys() <= known:
                raise RehearsalError(f"kind and begin are needed, and of others {', '.join(sorted(known))}")
            found.append(Fault(**each))
        except RehearsalError as error:
            raise RehearsalError(f"{source}: fault {number}: {error}") from None
    return tuple(sorted(found, key=lambda fault: fault.begin))
