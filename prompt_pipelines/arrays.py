"""Names for the arrays that go from one function to the next."""

import numpy as np
import numpy.typing as npt
from attrs import frozen

__all__ = ["Flags", "Floats", "Pixels", "Planes"]

type Pixels = npt.NDArray[np.float32]
"""An image, indexed ``[y, x]``."""
type Floats = npt.NDArray[np.float64]
"""One number for each source, or coordinates."""
type Flags = npt.NDArray[np.bool_]
"""Yes or no for each pixel or source."""


@frozen(eq=False)
class Planes:
    """An image with its noise, as bare arrays of one shape."""

    pixels: Pixels
    variance: Pixels
    """Finite and positive wherever a pixel is usable."""
    unusable: Flags
