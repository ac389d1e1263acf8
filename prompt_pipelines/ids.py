"""Source ids: 63 bits that tell day, sequence number and detector.

LSST packs an observation's id, which has 13 digits here and leaves too few
bits. Its parts leave enough:

=========  ====  ==========================================
part       bits  range
=========  ====  ==========================================
day        15    days since 2000-01-01, until 2089
sequence   17    0 to 131071, or what is left of more
detector   9     0 to 511
counter    22    0 to 4194303
=========  ====  ==========================================

Where sequence numbers are those of a camera's life, as DECam's, they exceed
17 bits, and only what is left on division by 131072 is kept: no two exposures
of one day have that in common. Where they are all 0, as imSim's are, the
visit's id stands in for them.
"""

import datetime
from typing import Self

import numpy as np
import numpy.typing as npt
from attrs import frozen

from prompt_pipelines.errors import PromptPipelinesError

__all__ = ["IdFactory", "UnpackedId", "unpack"]

_EPOCH = datetime.date(2000, 1, 1)
_SEQUENCE_BITS, _DETECTOR_BITS, _COUNTER_BITS, _DAY_BITS = 17, 9, 22, 15


@frozen
class UnpackedId:
    """The parts of a source id."""

    day_obs: int
    """YYYYMMDD."""
    seq_num: int
    """Within the day, or what is left of it."""
    detector: int
    counter: int


class IdFactory:
    """Makes the ids of the sources of one visit and detector.

    Parameters
    ----------
    day_obs
        YYYYMMDD.
    seq_num
        Of the exposure, within the day or the camera's life.
    detector
        Its number.

    Raises
    ------
    PromptPipelinesError
        Raised if one of them does not fit.
    """

    def __init__(self, day_obs: int, seq_num: int, detector: int) -> None:
        try:
            date = datetime.date(day_obs // 10000, day_obs // 100 % 100, day_obs % 100)
        except ValueError as error:
            raise PromptPipelinesError(f"no such day_obs: {day_obs}") from error
        value = 0
        for name, part, bits in (
            ("day_obs", (date - _EPOCH).days, _DAY_BITS),
            ("seq_num", seq_num if seq_num < 0 else seq_num % (1 << _SEQUENCE_BITS), _SEQUENCE_BITS),
            ("detector", detector, _DETECTOR_BITS),
        ):
            if not 0 <= part < 1 << bits:
                raise PromptPipelinesError(f"{name} {part} does not fit into a source id ({bits} bits)")
            value = value << bits | part
        self._base = value << _COUNTER_BITS

    @classmethod
    def of_visit(cls, day_obs: int, seq_num: int, visit: int, detector: int) -> Self:
        """Make one for a visit, whose exposures may have no number within the day.

        Raises
        ------
        PromptPipelinesError
            Raised if one of them does not fit.
        """
        return cls(day_obs, seq_num or visit, detector)

    def make(self, count: int, first: int = 1) -> npt.NDArray[np.int64]:
        """Make `count` ids, the counter running from `first`.

        Raises
        ------
        PromptPipelinesError
            Raised if there are more than the counter can hold.
        """
        if first + count > 1 << _COUNTER_BITS:
            raise PromptPipelinesError(f"{first + count - 1} sources of one image do not fit into source ids")
        return self._base + np.arange(first, first + count, dtype=np.int64)


def unpack(source_id: int) -> UnpackedId:
    """Take a source id apart."""
    rest, counter = divmod(source_id, 1 << _COUNTER_BITS)
    rest, detector = divmod(rest, 1 << _DETECTOR_BITS)
    day, seq_num = divmod(rest, 1 << _SEQUENCE_BITS)
    date = _EPOCH + datetime.timedelta(days=day)
    return UnpackedId(date.year * 10000 + date.month * 100 + date.day, seq_num, detector, counter)
