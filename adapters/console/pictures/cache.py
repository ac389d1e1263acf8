"""What was made last, within a bound of memory."""

from collections import OrderedDict
from collections.abc import Hashable

__all__ = ["ByteCache"]


class ByteCache[V]:
    """Forgets what was not asked for the longest, once all is larger than its capacity.

    Parameters
    ----------
    capacity
        Bytes; what is larger by itself is not kept.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._kept: OrderedDict[Hashable, tuple[V, int]] = OrderedDict()
        self.nbytes = 0
        """Of all that is kept."""

    def get(self, key: Hashable) -> V | None:
        """Find what was kept under a key; None if it was not or is no longer."""
        if key not in self._kept:
            return None
        self._kept.move_to_end(key)
        return self._kept[key][0]

    def put(self, key: Hashable, value: V, nbytes: int) -> None:
        """Keep something of a size."""
        _, before = self._kept.pop(key, (None, 0))
        self.nbytes -= before
        if nbytes > self._capacity:
            return
        self._kept[key] = value, nbytes
        self.nbytes += nbytes
        while self.nbytes > self._capacity:
            _, (_, size) = self._kept.popitem(last=False)
            self.nbytes -= size
