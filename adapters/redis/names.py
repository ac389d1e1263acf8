"""The names of the keys, documented in ``docs/redis-keys.md``."""

from attrs import frozen

__all__ = ["LedgerKeys", "StreamKeys"]


@frozen
class StreamKeys:
    """The keys around one stream of work."""

    stream: str
    """As the configuration names it, such as ``instrument:lsstcam``."""

    @property
    def dead(self) -> str:
        """Stream of what was dead-lettered."""
        return f"{self.stream}:dead"

    @property
    def control(self) -> str:
        """Stream of control notes."""
        return f"{self.stream}:control"

    @property
    def origins(self) -> str:
        """Hash from an entry that was put back to the one under which it first came."""
        return f"{self.stream}:origins"

    @property
    def leased(self) -> str:
        """Hash from an entry that is leased to its fields, which the stream may lose."""
        return f"{self.stream}:leased"

    @property
    def delayed(self) -> str:
        """Sorted set of what was postponed, by when it is due."""
        return f"{self.stream}:delayed"

    @property
    def incarnation(self) -> str:
        """Hash from consumer group to the incarnation of the queue."""
        return f"{self.stream}:incarnation"

    @property
    def steps(self) -> str:
        """How many visits were published on the stream, and how often the fan-out looked at it."""
        return f"{self.stream}:steps"

    @property
    def queue(self) -> list[str]:
        """What the scripts of the queue share, in their order."""
        return [self.stream, self.origins, self.leased, self.delayed, self.incarnation]

    def mark(self, instrument: str, group: str) -> str:
        """Hash that marks a visit as published."""
        return f"{self.stream}:visit:{instrument}:{group}"

    def tombstone(self, sal_index: int, group: str) -> str:
        """Key that stands for a cancelled visit."""
        return f"{self.stream}:cancelled:{sal_index}:{group}"


@frozen
class LedgerKeys:
    """The keys of one ledger and its claims."""

    prefix: str
    """Tells ledgers in one Redis apart."""

    def visits(self, instrument: str) -> str:
        """Sorted set of groups by the time of their last record."""
        return f"{self.prefix}:visits:{instrument}"

    def visit(self, instrument: str, group: str) -> str:
        """Hash from detector to all attempts on it."""
        return f"{self.prefix}:visit:{instrument}:{group}"

    def claims(self, instrument: str, exposure: int) -> str:
        """Hash from detector to the attempt that has claimed the exposure."""
        return f"{self.prefix}:claims:{instrument}:{exposure}"

    def turn(self, what: str) -> str:
        """Name of the process whose turn it is at something that one does at a time."""
        return f"{self.prefix}:turn:{what}"

    def unreadable(self, queue: str) -> str:
        """Hash from entry to the outcome of a delivery that nobody can read."""
        return f"{self.prefix}:unread:{queue}"
