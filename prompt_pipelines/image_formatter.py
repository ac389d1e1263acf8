"""How images are written: in steps of a share of their noise, which is measured in a few rows.

Rice compression by fpack's method (Pence, White and Seaman 2010, PASP 122, 1065) measures the noise of
every tile from every pixel, and that takes a third of the time of writing. One step for all of an image
serves as well.
"""

from collections.abc import Mapping
from typing import Any, override

import numpy as np
import numpy.typing as npt
from lsst.images.formatters import GenericFormatter
from lsst.resources import ResourcePath

__all__ = ["ImageFormatter", "pixel_noise"]

_ROWS = 64  # that the noise is measured in
_SIGMA_PER_MAD = 1.482602  # of a Gaussian
_DIFFERENCE = 6.0**0.5  # noise of a - 2 b + c over that of a pixel: gradients of the sky cancel


class ImageFormatter(GenericFormatter):
    """The stock formatter, with steps in the unit of the pixels instead of shares of each tile's noise."""

    noise: Mapping[str, float] = {}
    """Of each plane of the image that is being written."""

    @classmethod
    @override
    def name(cls) -> str:
        """Say who can read the files: the stock formatter, without this package."""
        return str(GenericFormatter.name())

    @override
    def write_local_file(self, in_memory_dataset: Any, uri: ResourcePath) -> None:
        """Write a file, its steps as fine as the recipe says."""
        planes = {name: getattr(in_memory_dataset, name, None) for name in ("image", "variance")}
        if planes["image"] is None:  # an image without a mask is a plane itself
            planes["image"] = in_memory_dataset
        self.noise = {name: pixel_noise(plane.array) for name, plane in planes.items() if plane is not None}
        super().write_local_file(in_memory_dataset, uri)

    @property
    @override
    def write_recipes(self) -> Mapping[str, Any]:
        """Recipes by name, their levels measured."""
        return {name: self._measured(recipe) for name, recipe in super().write_recipes.items()}

    def _measured(self, recipe: Mapping[str, Any]) -> Mapping[str, Any]:
        measured = dict(recipe)
        for name, noise in self.noise.items():
            options = measured.get(name)
            # Where there is no noise, cfitsio does without steps.
            if options and options.get("quantization") and noise > 0.0:
                quantization = options["quantization"]
                # A negative level is the step itself.
                level = -noise / quantization["level"]
                measured[name] = {**options, "quantization": {**quantization, "level": level}}
        return measured


def pixel_noise(pixels: npt.NDArray[np.floating[Any]]) -> float:
    """Estimate the noise of a pixel, from how it differs from its neighbours in a row.

    Returns
    -------
    noise
        Standard deviation in the unit of the pixels; 0 if there are too few
        finite pixels to tell.
    """
    rows = pixels[:: max(1, len(pixels) // _ROWS)].astype(np.float64)
    differences = rows[:, :-2] - 2.0 * rows[:, 1:-1] + rows[:, 2:]
    finite = differences[np.isfinite(differences)]
    if not finite.size:
        return 0.0
    return _SIGMA_PER_MAD * float(np.median(np.abs(finite))) / _DIFFERENCE
