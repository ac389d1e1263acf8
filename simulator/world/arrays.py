"""Names for the arrays that the simulation passes around."""

import numpy as np
import numpy.typing as npt

__all__ = ["Bools", "Counts", "Floats", "Integers"]

type Bools = npt.NDArray[np.bool_]
type Counts = npt.NDArray[np.uint16]
"""A raw's pixels, ADU."""
type Floats = npt.NDArray[np.float64]
type Integers = npt.NDArray[np.int64]
