"""Python imports this by itself at start where its folder is on the path: the wall clock is then off."""

import os
import time

_OFFSET = float(os.environ.get("CHAOS_CLOCK_OFFSET", "0"))
_real = time.time


def _skewed() -> float:
    return _real() + _OFFSET


if _OFFSET:
    time.time = _skewed
